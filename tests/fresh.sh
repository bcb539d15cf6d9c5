#!/bin/sh
# fresh.sh — proves the README's two commands on a machine where nothing is
# prepared: a bare Debian 12 made by debootstrap in a temporary folder, a fresh
# clone of HEAD, `make demo`, `make test`.
#
# Needs root and debootstrap. The new system uses this one's ways to the
# package mirrors (apt and pip settings, certificates, name resolution); local
# package folders that those settings name are bound by FRESH_BIND="DIR…".
# FRESH_KEEP=1 keeps the folder; FRESH_GOALS="demo test" is what is made.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
goals=${FRESH_GOALS:-demo test}

[ "$(id -u)" = 0 ] || { echo "fresh.sh must be root: sudo $0" >&2; exit 2; }
command -v debootstrap >/dev/null ||
    apt-get install -q -y --no-install-recommends debootstrap >/dev/null

mirror=$(sed -n 's/^URIs: *\(http[^ ]*\/debian\)\/*$/\1/p
                 s/^deb \(\[[^]]*\] \)*\(http[^ ]*\/debian\)\/* .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
top=$(mktemp -d "${TMPDIR:-/tmp}/px-fresh.XXXXXX")
root=$top/root

leave() {
    status=$?
    trap - EXIT INT TERM
    # whatever still runs in there was started by us
    for proc in /proc/[0-9]*; do
        [ "$(readlink "$proc/root" 2>/dev/null)" = "$root" ] &&
            kill -9 "${proc#/proc/}" 2>/dev/null
    done
    grep " $top/" /proc/mounts | cut -d' ' -f2 | sort -r |
        while read -r mounted; do umount -l "$mounted"; done
    if [ -n "${FRESH_KEEP:-}" ]; then
        echo "kept: $root"
    elif ! grep -q " $top/" /proc/mounts; then
        rm -rf --one-file-system "$top"
    fi
    exit $status
}
trap leave EXIT INT TERM

say() { printf '\n== %s %s\n' "$(date -u +%H:%M:%S)" "$*"; }

say "a bare Debian 12"
debootstrap --variant=minbase --include=ca-certificates,git,make bookworm \
    "$root" ${mirror:+"$mirror"} > "$top/debootstrap.log" 2>&1 ||
    { tail -n 20 "$top/debootstrap.log"; exit 1; }

# a mount point of its own, so that tests may make name spaces in there
mount --bind "$root" "$root"
mount --make-private "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
[ -d /sys/fs/cgroup ] && mount -o ro,bind /sys/fs/cgroup "$root/sys/fs/cgroup"
for folder in ${FRESH_BIND:-}; do
    mkdir -p "$root$folder"
    mount -o ro,bind "$folder" "$root$folder"
done

# this machine's ways to the mirrors
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cp -a /etc/ssl/certs "$root/etc/ssl/"
[ -f /etc/pip.conf ] && cp /etc/pip.conf "$root/etc/"
[ -d "$HOME/.config/pip" ] && mkdir -p "$root/srv/.config" &&
    cp -a "$HOME/.config/pip" "$root/srv/.config/"
rm -f "$root/etc/apt/sources.list" # debootstrap's
for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -f "$file" ] && cp "$file" "$root$file"
done
for file in /etc/apt/apt.conf.d/*; do
    grep -qiE 'acquire|proxy' "$file" 2>/dev/null &&
        cp "$file" "$root$file"
done

say "clone"
git bundle create -q "$top/repository" HEAD
mv "$top/repository" "$root/tmp/repository"
pip_settings=$(env | grep -E '^(PIP|SSL)_[A-Z_]*=[^ ]*$' || true)
inside() {
    # shellcheck disable=SC2086
    chroot "$root" env -i $pip_settings HOME=/srv LC_ALL=C.UTF-8 \
        TERM=xterm PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "$@" </dev/null
}
inside git clone -q /tmp/repository /srv/pyexplore

for goal in $goals; do
    say "make $goal"
    inside make -C /srv/pyexplore "$goal"
done
say "all of it passed: make $goals"
