# pyexplore: one non-recursive GNU Makefile, the single truth of the build.
#
# Rooms become static archives, programs and the extension link them; a room
# is found by wildcard, so a new file needs no line here. Everything is made
# under $(BUILD), objects of another flavour (sanitizers, tiny buffers, another
# compiler) under $(BUILD)/FLAVOUR, so that switching never mixes objects; the
# flags are remembered in a stamp, so that changing them rebuilds.
#
# SPDX-License-Identifier: MIT

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
LDFLAGS ?=
SANITIZE ?=
TINY ?=
WERROR ?=
V ?=
PYTHON ?= python3
# Every CPython that tests and `make exts` use; $(PYTHON) is always among them.
PYTHONS ?= $(wildcard $(HOME)/.pyenv/versions/3.*/bin/python) \
           $(wildcard /usr/bin/python3)
ifeq ($(origin CC),default)
CC := gcc
endif

# One spelling, whoever calls: what a .d file says is a target's name.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))

VERSION := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p' pyproject.toml)

# ---- flavour -------------------------------------------------------------
comma := ,
empty :=
space := $(empty) $(empty)
FLAVOUR := $(strip $(filter-out gcc cc,$(notdir $(firstword $(CC)))) \
             $(if $(SANITIZE),san-$(subst $(comma),-,$(SANITIZE))) \
             $(if $(TINY),tiny))
OUT := $(BUILD)$(if $(FLAVOUR),/$(subst $(space),+,$(FLAVOUR)))
OBJ := $(OUT)/obj

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings -Wformat=2
PX_CPPFLAGS = -D_GNU_SOURCE -Iinclude -Isrc -DPX_VERSION='"$(VERSION)"' \
        $(if $(TINY),-DPX_BUF_MIN=4 -DPX_CHUNK_FLUSH=64) $(CPPFLAGS)
PX_CFLAGS = -std=c11 $(WARN) $(if $(WERROR),-Werror) -fPIC \
        -fvisibility=hidden -ffunction-sections -fdata-sections -pthread \
        $(CFLAGS) \
        $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
          -fno-sanitize-recover=undefined)
PX_LDFLAGS = -pthread -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now $(LDFLAGS) \
        $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# quiet lines; V=1 shows the commands
ifeq ($(V),)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
else
Q :=
say =
endif

# lib<name>.a where the system has it (programs and extension then need libc
# only), -l<name> otherwise.
static = $(foreach l,$(1),$(call static_one,$(l)))
static_one = $(shell p=$$($(CC) -print-file-name=lib$(1).a 2>/dev/null); \
        case $$p in (/*) echo $$p;; (*) echo -l$(1);; esac)
LIBS_CORE := $(call static,sodium jansson lz4)
LIBS_FULL := $(LIBS_CORE) $(call static,zstd utf8proc)
LIBS_TUI := $(call static,panelw ncursesw tinfo)

.PHONY: all programs lib ext exts demo test test-full test-unit test-agent \
        test-e2e test-real test-sid test-aarch64 unit-programs replay-programs test-tools fuzz lint format bench screenshots docs-keys dist \
        install uninstall clean help compile-commands FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

all: programs ext ## build programs and the extension for $(PYTHON) (default)

# ---- stamps: written only when the text changes --------------------------
# $(call stamp,FILE,TEXT)
define stamp
$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $$@ || \
	  printf '%s\n' '$(subst ','\'',$(2))' > $$@
endef
$(eval $(call stamp,$(OBJ)/flags,$(CC) $(PX_CPPFLAGS) $(PX_CFLAGS)))
$(eval $(call stamp,$(OBJ)/ldflags,$(CC) $(PX_LDFLAGS) $(LIBS_FULL) $(LIBS_TUI)))

# ---- rooms ---------------------------------------------------------------
$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(PX_CPPFLAGS) $(PX_CFLAGS) -MMD -MP -c -o $@ $<

# $(call room,NAME,SOURCES): libpx-NAME.a; its member list is a stamp too, so
# that a removed file leaves the archive.
define room
OBJ_$(1) := $$(patsubst %.c,$$(OBJ)/%.o,$(2))
$$(eval $$(call stamp,$$(OBJ)/$(1).members,$(2)))
$$(OUT)/libpx-$(1).a: $$(OBJ_$(1)) $$(OBJ)/$(1).members
	@rm -f $$@
	$$(call say,AR,$$@)$$(AR) rcs $$@ $$(OBJ_$(1))
-include $$(OBJ_$(1):.o=.d)
endef
SRC_base := $(sort $(wildcard src/base/*.c))
SRC_proto := $(sort $(wildcard src/proto/*.c))
SRC_graph := $(sort $(wildcard src/graph/*.c))
SRC_client := $(sort $(wildcard src/client/*.c))
SRC_cli := $(sort $(wildcard src/cli/*.c))
SRC_tui := $(sort $(wildcard src/tui/*.c))
SRC_agent := $(sort $(wildcard src/agent/*.c src/agent/heap/*.c))
# what has main or talks to ncurses stays outside the archives that tests link
ALONE_tui := $(filter %/main.c %/term.c,$(SRC_tui))
ALONE_cli := $(filter %/main.c,$(SRC_cli))
$(eval $(call room,base,$(SRC_base)))
$(eval $(call room,proto,$(SRC_proto)))
$(eval $(call room,graph,$(SRC_graph)))
$(eval $(call room,client,$(SRC_client)))
$(eval $(call room,tui,$(filter-out $(ALONE_tui),$(SRC_tui))))
$(eval $(call room,cli,$(filter-out $(ALONE_cli),$(SRC_cli))))
CORE_ARCHIVES := $(foreach r,client graph proto base,$(OUT)/libpx-$(r).a)
grouped = -Wl,--start-group $(1) -Wl,--end-group

lib: $(CORE_ARCHIVES) ## build the static archives of base, proto, graph, client

# ---- programs ------------------------------------------------------------
# $(call program,NAME,ROOM,EXTRA LIBS); a room without main.c is skipped
define program
MAIN_$(2) := $$(patsubst %.c,$$(OBJ)/%.o,$$(ALONE_$(2)))
-include $$(MAIN_$(2):.o=.d)
.PHONY: $(1)
ifneq ($$(filter %/main.c,$$(ALONE_$(2))),)
$(1): $$(OUT)/$(1)
$$(OUT)/$(1): $$(MAIN_$(2)) $$(OUT)/libpx-$(2).a $$(CORE_ARCHIVES) $$(OBJ)/ldflags
	$$(call say,LINK,$$@)$$(CC) $$(PX_LDFLAGS) -o $$@ $$(MAIN_$(2)) \
	  $$(call grouped,$$(OUT)/libpx-$(2).a $$(CORE_ARCHIVES)) \
	  $(3) $$(LIBS_FULL) -lm
else
$(1): ; @echo '  skip    $(1): src/$(2) has no main.c yet'
endif
endef
$(eval $(call program,pyexplore,cli,))
$(eval $(call program,pyexplore-tui,tui,$$(LIBS_TUI)))
programs: pyexplore pyexplore-tui ## build both programs

# ---- the extension, one for each Python ----------------------------------
# mk/python.py prints PY_* of an interpreter; the answers are kept as makefile
# fragments, made once per interpreter and read like headers.
NO_PYTHON_GOALS := clean help lint format programs pyexplore pyexplore-tui lib \
        unit-programs replay-programs test-tools fuzz fuzz-% compile-commands docs-keys demo test test-full test-unit \
        test-agent test-e2e test-real test-sid test-aarch64 bench screenshots
NEED_PYTHON := $(if $(filter-out $(NO_PYTHON_GOALS) $(OUT)/unit/% $(OUT)/replay/% $(OUT)/bench/% \
        $(OUT)/pyexplore $(OUT)/pyexplore-tui,$(or $(MAKECMDGOALS),all)),yes)
ifeq ($(NEED_PYTHON),yes)
PYTHON_PATH := $(shell command -v $(PYTHON) 2>/dev/null)
ifeq ($(PYTHON_PATH),)
$(error no such Python: $(PYTHON))
endif
python_id = $(subst /,_,$(patsubst /%,%,$(1)))
PYTHON_ALL := $(PYTHON_PATH) $(filter-out $(PYTHON_PATH),$(PYTHONS))
$(foreach p,$(PYTHON_ALL),$(eval $(BUILD)/python/$(call python_id,$(p)).mk: \
  PY_EXE := $(p)))
$(BUILD)/python/%.mk: mk/python.py
	@mkdir -p $(@D)
	@$(PY_EXE) mk/python.py $* > $@
-include $(foreach p,$(PYTHON_ALL),$(BUILD)/python/$(call python_id,$(p)).mk)

# The first interpreter of a version builds it: PYTHON= wins.
PY_TAGS :=
$(foreach p,$(PYTHON_ALL),$(eval i := $(call python_id,$(p)))\
  $(if $(and $(PY_OK_$(i)),$(if $(filter $(PY_TAG_$(i)),$(PY_TAGS)),,new)),\
    $(eval PY_TAGS += $(PY_TAG_$(i)))$(eval PY_ID_$(PY_TAG_$(i)) := $(i))))
PYTHON_TAG := $(PY_TAG_$(call python_id,$(PYTHON_PATH)))
endif

# As Python's own extensions: an assertion, also of Python's headers, must not
# end somebody's process. Sanitized builds keep them.
NO_ASSERT := $(if $(SANITIZE),,-DNDEBUG)

# $(call extension,TAG): $(OUT)/py3.x/pyexplore/ is a whole package
PY_FILES := $(patsubst src/pyexplore/%,%,$(wildcard src/pyexplore/*.py \
        src/pyexplore/*.pyi src/pyexplore/py.typed))
define extension
PYDIR_$(1) := $$(OUT)/py$(1)/pyexplore
EXT_$(1) := $$(PYDIR_$(1))/_agent$$(PY_SUFFIX_$$(PY_ID_$(1)))
EXTOBJ_$(1) := $$(patsubst src/%.c,$$(OBJ)/py$(1)/%.o,$$(SRC_agent))
$$(eval $$(call stamp,$$(OBJ)/py$(1)/flags,$$(PY_INCLUDE_$$(PY_ID_$(1))) \
  $$(NO_ASSERT) $$(SRC_agent)))
$$(OBJ)/py$(1)/%.o: src/%.c $$(OBJ)/flags $$(OBJ)/py$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,CC,$(1) $$<)$$(CC) $$(PX_CPPFLAGS) \
	  -isystem $$(PY_INCLUDE_$$(PY_ID_$(1))) $$(PX_CFLAGS) $$(NO_ASSERT) \
	  -MMD -MP -c -o $$@ $$<
$$(EXT_$(1)): $$(EXTOBJ_$(1)) $$(OUT)/libpx-proto.a $$(OUT)/libpx-base.a \
  mk/agent.map $$(OBJ)/ldflags
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) -shared $$(PX_LDFLAGS) \
	  -Wl,--exclude-libs,ALL -Wl,--version-script=mk/agent.map \
	  -Wl,--wrap=stdin -o $$@ $$(EXTOBJ_$(1)) \
	  $$(call grouped,$$(OUT)/libpx-proto.a $$(OUT)/libpx-base.a) \
	  $$(LIBS_CORE)
$$(PYDIR_$(1))/%: src/pyexplore/%
	@mkdir -p $$(@D)
	@cp $$< $$@
.PHONY: ext-$(1)
ifneq ($$(wildcard src/agent/module.c),)
ext-$(1): $$(EXT_$(1)) $$(addprefix $$(PYDIR_$(1))/,$$(PY_FILES))
else
ext-$(1): ; @echo '  skip    _agent for $(1): src/agent/module.c is not there yet'
endif
-include $$(EXTOBJ_$(1):.o=.d)
endef
$(foreach t,$(PY_TAGS),$(eval $(call extension,$(t))))

ext: ext-$(PYTHON_TAG) ## build the extension for PYTHON= into $(BUILD)/py3.x
ifeq ($(PYTHON_TAG),)
ext-:
	@$(PYTHON) mk/python.py --why
	@false
endif
exts: $(addprefix ext-,$(PY_TAGS)) ## build it for every CPython 3.8+ found

# ---- unit tests ----------------------------------------------------------
# Every tests/unit/test_*.c is one program; other files there are helpers that
# all of them link. test_tui_* and test_cli_* also link their program's room.
UNIT_MAINS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELP := $(filter-out $(UNIT_MAINS),$(sort $(wildcard tests/unit/*.c)))
UNIT_HELP_OBJ := $(UNIT_HELP:%.c=$(OBJ)/%.o)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(UNIT_MAINS))
-include $(UNIT_HELP_OBJ:.o=.d) $(UNIT_MAINS:%.c=$(OBJ)/%.d)
# What a test puts in the place of a function of the library.
WRAP_test_graph_cancel := -Wl,--wrap=work_is_canceled
WRAP_test_builder := -Wl,--wrap=room_check
WRAP_test_file := -Wl,--wrap=link -Wl,--wrap=renameat2
# What one of them links before the archives: it counts the steps of the
# analyses, by a call at each basic block of src/graph, which it answers.
COUNTED := $(patsubst %.c,$(OBJ)/counted/%.o,$(SRC_graph))
$(OBJ)/counted/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,CC,counted $<)$(CC) $(PX_CPPFLAGS) $(PX_CFLAGS) \
	  -fsanitize-coverage=trace-pc -MMD -MP -c -o $@ $<
-include $(COUNTED:.o=.d)
UNIT_OBJ_test_graph_shapes := $(COUNTED)
UNIT_ROOM_tui := $(OUT)/libpx-tui.a
UNIT_ROOM_cli := $(OUT)/libpx-cli.a
unit_room = $(UNIT_ROOM_$(word 2,$(subst _, ,$(1))))
define unit
$$(OUT)/unit/$(1): $$(OBJ)/tests/unit/$(1).o $$(UNIT_HELP_OBJ) \
  $$(UNIT_OBJ_$(1)) $$(call unit_room,$(1)) $$(CORE_ARCHIVES) $$(OBJ)/ldflags
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(PX_LDFLAGS) $$(WRAP_$(1)) -o $$@ $$< \
	  $$(UNIT_HELP_OBJ) $$(UNIT_OBJ_$(1)) \
	  $$(call grouped,$$(call unit_room,$(1)) $$(CORE_ARCHIVES)) \
	  $$(LIBS_FULL) -lcmocka -lm
endef
$(foreach t,$(UNIT_MAINS:tests/unit/%.c=%),$(eval $(call unit,$(t))))
unit-programs: $(UNIT_PROGRAMS)

# ---- fuzzing -------------------------------------------------------------
# Every tests/fuzz/NAME.c but replay.c is one target: explored by clang's
# libFuzzer, and replayed over tests/fuzz/corpus/NAME/ by `make test`.
FUZZ_NAMES := $(filter-out replay,$(patsubst tests/fuzz/%.c,%, \
        $(sort $(wildcard tests/fuzz/*.c))))
-include $(OBJ)/tests/fuzz/replay.d $(FUZZ_NAMES:%=$(OBJ)/tests/fuzz/%.d)
$(OUT)/replay/%: $(OBJ)/tests/fuzz/%.o $(OBJ)/tests/fuzz/replay.o \
  $(CORE_ARCHIVES) $(OBJ)/ldflags
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(PX_LDFLAGS) -o $@ $< \
	  $(OBJ)/tests/fuzz/replay.o $(call grouped,$(CORE_ARCHIVES)) \
	  $(LIBS_FULL) -lm
replay-programs: $(FUZZ_NAMES:%=$(OUT)/replay/%)
S ?= 60
fuzz: ## explore fuzz targets with clang for S=60 seconds each (T=NAME for one)
	@$(MAKE) --no-print-directory CC=clang SANITIZE=address,undefined,fuzzer-no-link \
	  $(addprefix fuzz-,$(or $(T),$(FUZZ_NAMES)))
fuzz-%: tests/fuzz/%.c $(CORE_ARCHIVES)
	@mkdir -p $(OUT)/fuzz/corpus-$* tests/fuzz/corpus/$*
	$(CC) $(PX_CPPFLAGS) -std=c11 -g -O1 -pthread \
	  -fsanitize=address,undefined,fuzzer -o $(OUT)/fuzz/$* $< \
	  $(call grouped,$(CORE_ARCHIVES)) $(LIBS_FULL) -lm
	$(OUT)/fuzz/$* -max_total_time=$(S) -timeout=10 -rss_limit_mb=1024 \
	  $(if $(wildcard tests/fuzz/$*.dict),-dict=tests/fuzz/$*.dict) \
	  -artifact_prefix=$(OUT)/fuzz/$*- $(OUT)/fuzz/corpus-$* tests/fuzz/corpus/$*

# ---- running things ------------------------------------------------------
# These call make again when the packages are there.
PACKAGES = sh tests/tools/packages.sh
AGAIN = BUILD=$(abspath $(BUILD)) MAKE='$(MAKE)' CC='$(CC)' PYTHON='$(PYTHON)'
SID ?= $(BUILD)/sid
AARCH64 ?= $(BUILD)/aarch64
# T= goes through the environment: a shell would take its quotes away.
export T
SUITE = $(AGAIN) SANITIZE='$(SANITIZE)' PYTHONS='$(PYTHON) $(PYTHONS)' \
        SID='$(abspath $(SID))' $(PYTHON) tests/tools/suite.py
demo: ## build and open the explorer on a leaking server (DEMO=list or cycle)
	@$(PACKAGES) build demo
	@$(MAKE) --no-print-directory programs ext
	@$(AGAIN) $(PYTHON) tests/tools/demo.py $(DEMO)
test: ## build and pass the tests: unit, agent (3.8 3.11 3.13, rest smoke), e2e
	@$(PACKAGES) build demo test
	@$(SUITE) test
test-full: ## everything on every Python, and under the sanitizers
	@$(PACKAGES) build demo test
	@$(SUITE) full
test-unit: ## only the C units (T=graph for one)
	@$(SUITE) unit
test-agent: ## only the agent's tests, on PYTHON= (T='-k name' for pytest)
	@$(SUITE) agent
test-e2e: ## only the tests of whole programs in a terminal (T='-k name')
	@$(SUITE) e2e
test-real: ## only real programs with their libraries (T='-k flask-3.11')
	@$(SUITE) real
test-sid: ## the agent's tests on Debian sid's 3.14 and 3.15 (root; SID=folder)
	@$(SUITE) sid
test-aarch64: ## the agent's tests on an emulated aarch64 (root; T='-m smoke')
	@$(PACKAGES) build aarch64
	@AARCH64='$(abspath $(AARCH64))' MAKE='$(MAKE)' sh tests/aarch64.sh
lint: ## direction of includes, the child's symbols, format, static analysis
	@$(PACKAGES) build test lint
	@$(AGAIN) $(PYTHON) tests/lint/lint.py $(T)
format: ## rewrite all C files by .clang-format
	clang-format -i $(shell git ls-files '*.c' '*.h')
bench: ## measure the figures of the README (T='--objects 1000000')
	@$(PACKAGES) build demo
	@$(MAKE) --no-print-directory programs ext $(OUT)/bench/analyse
	@$(AGAIN) $(PYTHON) tests/bench/run.py $(T)
# What the Python tests ask for the analyses of a snapshot.
-include $(OBJ)/tests/tools/dump.d
test-tools: $(OUT)/tools/dump
$(OUT)/tools/%: $(OBJ)/tests/tools/%.o $(CORE_ARCHIVES) $(OBJ)/ldflags
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(PX_LDFLAGS) -o $@ $< \
	  $(call grouped,$(CORE_ARCHIVES)) $(LIBS_FULL) -lm
# What tests/bench measures a client with.
-include $(OBJ)/tests/bench/analyse.d
$(OUT)/bench/analyse: $(OBJ)/tests/bench/analyse.o $(CORE_ARCHIVES) \
  $(OBJ)/ldflags
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(PX_LDFLAGS) -o $@ $< \
	  $(call grouped,$(CORE_ARCHIVES)) $(LIBS_FULL) -lm
screenshots: ## make screenshots/ from a real run of the demo
	@$(PACKAGES) build demo pictures
	@$(MAKE) --no-print-directory programs ext
	@$(AGAIN) $(PYTHON) tests/tools/screenshots.py
docs-keys: pyexplore-tui ## print the key table of the README
	@$(OUT)/pyexplore-tui --keys-markdown

# ---- install, dist, clean ------------------------------------------------
PY_SITE = $(shell $(PYTHON) mk/python.py --site $(PREFIX))
install: programs ext ## install into DESTDIR/PREFIX (Python: its platlib)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PY_SITE)/pyexplore
	install -m 755 $(OUT)/pyexplore $(OUT)/pyexplore-tui $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(OUT)/py$(PYTHON_TAG)/pyexplore/*.py* \
	  $(OUT)/py$(PYTHON_TAG)/pyexplore/py.typed $(EXT_$(PYTHON_TAG)) \
	  $(DESTDIR)$(PY_SITE)/pyexplore
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/pyexplore $(DESTDIR)$(PREFIX)/bin/pyexplore-tui
	rm -rf $(DESTDIR)$(PY_SITE)/pyexplore
dist: ## make the sdist and a wheel for $(PYTHON) in dist/
	$(PYTHON) -m pip wheel --no-deps -w dist .
compile-commands: ## compile_commands.json for editors and clang-tidy
	@$(PYTHON) mk/compile_commands.py $(filter-out -W%,$(PX_CPPFLAGS)) \
	  > compile_commands.json
clean: ## remove everything that was built
	rm -rf $(BUILD) compile_commands.json
help: ## this list
	@echo 'make TARGET [BUILD=dir] [PYTHON=python3.x] [CC=clang] [V=1]'
	@echo '            [SANITIZE=address,undefined] [CFLAGS=…] [PREFIX=…] [DESTDIR=…]'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' \
	  Makefile
