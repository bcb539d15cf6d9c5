# First light: `make` builds what there is. The shape that stays: one
# non-recursive file, objects per flavour under $(BUILD).
BUILD ?= build
CC ?= gcc
PYTHON ?= python3
CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
       -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings -Wformat=2
ALL_CFLAGS = -std=c11 $(WARN) -D_GNU_SOURCE -Iinclude -Isrc -MMD -MP $(CFLAGS)
all: ; @echo "the build arrives soon"
.PHONY: all
