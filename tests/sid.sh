#!/bin/sh
# sid.sh — the agent's tests on the Pythons that Debian 12 does not have: 3.14
# and 3.15 from Debian sid, in a chroot that is made once in $SID and used
# again (rm -rf makes it anew). Run by `make test-sid`.
#
# Sees this working tree, read-only. Whatever is built lies in $SID/srv/build.
# Each of SID_PYTHONS must be there and must pass; arguments go to pytest.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
. tests/tools/chroot.sh

root=${SID:?the folder for the chroot}
case $root in /*) ;; *) root=$PWD/$root;; esac
if [ -z "${PX_CHROOT_INSIDE:-}" ]; then
    chroot_enter tests/sid.sh "$@"
    exit
fi
pythons=${SID_PYTHONS:?the versions, as in SID_PYTHONS="3.14 3.15"}
tools='python3-pytest python3-pytest-timeout python3-pytest-xdist
       python3-hypothesis python3-xxhash python3-lz4 python3-zstandard
       python3-numpy python3-networkx python3-greenlet'
build=$(sed -n 's/^\([a-z0-9-]*\)  *build$/\1/p' packages.txt)

if [ ! -x "$root/usr/bin/make" ]; then
    say "Debian sid in $root"
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    chroot_make "$root" sid ca-certificates,make
fi
chroot_mount "$root"
mkdir -p "$root/srv/pyexplore" "$root/srv/build"
mount -o bind,ro . "$root/srv/pyexplore"

wanted="$build $tools"
for version in $pythons; do
    wanted="$wanted python$version-dev"
done
if [ "$(cat "$root/srv/packages" 2>/dev/null)" != "$wanted" ]; then
    say "packages"
    chroot_ways "$root"
    chroot_run "$root" apt-get update -q > "$root.log" 2>&1
    have='' lacks=''
    for package in $wanted; do # sid drops a Python now and then
        if chroot_run "$root" apt-cache show "$package" >/dev/null 2>&1; then
            have="$have $package"
        else
            say "sid has no $package"
            lacks="$lacks $package"
        fi
    done
    # shellcheck disable=SC2086
    chroot_run "$root" env DEBIAN_FRONTEND=noninteractive apt-get install \
        -q -y --no-install-recommends $have >> "$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; exit 1; }
    # What sid lacks today it is asked for again in the next run.
    [ -n "$lacks" ] || printf '%s\n' "$wanted" > "$root/srv/packages"
fi

status=0
for version in $pythons; do
    python=/usr/bin/python$version
    if [ ! -x "$root$python" ]; then
        say "no $python in $root: nothing is known of Python $version." \
            "SID_PYTHONS='…' says which versions sid has"
        status=1
        continue
    fi
    chroot_run "$root" env BUILD=/srv/build MAKE=make PYTHONS=$python \
        SLOW=1 SYSTEM_PACKAGES=1 PYTHONDONTWRITEBYTECODE=1 \
        $python /srv/pyexplore/tests/tools/suite.py agent "$@" ||
        status=1
done
exit $status
