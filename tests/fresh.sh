#!/bin/sh
# fresh.sh — proves the README's two commands on a machine where nothing is
# prepared: a bare Debian 12 made by debootstrap in a temporary folder, a fresh
# clone of HEAD, `make demo`, `make test`.
#
# Needs root and debootstrap (tools/chroot.sh); local package folders that the
# settings of apt and pip name are bound by FRESH_BIND="DIR…". FRESH_KEEP=1
# keeps the folder; FRESH_GOALS="demo test" is what is made.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
. tests/tools/chroot.sh
goals=${FRESH_GOALS:-demo test}

if [ -z "${PX_CHROOT_INSIDE:-}" ]; then
    top=$(mktemp -d "${TMPDIR:-/tmp}/px-fresh.XXXXXX")
    leave() {
        status=$?
        if [ -n "${FRESH_KEEP:-}" ]; then
            echo "kept: $top/root"
        else
            rm -rf --one-file-system "$top"
        fi
        exit $status
    }
    trap leave EXIT
    chroot_enter tests/fresh.sh "$top"
    exit
fi
top=$1
root=$top/root

say "a bare Debian 12"
chroot_make "$root" bookworm ca-certificates,git,make
chroot_mount "$root"
for folder in ${FRESH_BIND:-}; do
    mkdir -p "$root$folder"
    mount -o ro,bind "$folder" "$root$folder"
done
chroot_ways "$root"
rm -f "$root/etc/apt/sources.list" # debootstrap's
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ ! -f "$file" ] || cp "$file" "$root$file"
done

say "clone"
git bundle create -q "$top/repository" HEAD
mv "$top/repository" "$root/tmp/repository"
chroot_run "$root" git clone -q /tmp/repository /srv/pyexplore

for goal in $goals; do
    say "make $goal"
    chroot_run "$root" make -C /srv/pyexplore "$goal"
done
say "all of it passed: make $goals"
