# chroot.sh — a Debian of its own for fresh.sh and sid.sh, which source this.
#
# Everything that is mounted lies in a mount name space of the script, and
# everything that runs in the new system in a pid name space: however the
# script ends, also by SIGKILL, the kernel unmounts and ends it all.
#
# The new system uses this one's ways to the package mirrors: apt and pip
# settings, certificates, name resolution.
#
# SPDX-License-Identifier: MIT

say() { printf '\n== %s %s\n' "$(date -u +%H:%M:%S)" "$*"; }

# chroot_enter SCRIPT ARGUMENT… — starts the script again, in name spaces, and
# returns its status.
chroot_enter() {
    if [ "$(id -u)" != 0 ]; then
        echo "a chroot can only be made by root: sudo $*" >&2
        exit 2
    fi
    command -v debootstrap >/dev/null ||
        apt-get install -q -y --no-install-recommends debootstrap >/dev/null
    PX_CHROOT_INSIDE=1 unshare --mount --propagation private \
        --pid --fork --kill-child sh "$@" &
    chroot_child=$!
    trap 'kill -9 $chroot_child; exit 143' HUP INT TERM
    wait $chroot_child
}

# The mirror that apt uses here; empty: debootstrap's own choice.
chroot_mirror() {
    sed -n 's/^URIs: *\(http[^ ]*\/debian\)\/*$/\1/p
            s/^deb \(\[[^]]*\] \)*\(http[^ ]*\/debian\)\/* .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        head -n 1
}

# chroot_make ROOT SUITE PACKAGE,…
chroot_make() {
    mirror=$(chroot_mirror)
    debootstrap --variant=minbase --include="$3" "$2" "$1" \
        ${mirror:+"$mirror"} > "$1.log" 2>&1 ||
        { tail -n 20 "$1.log" >&2; return 1; }
}

chroot_mount() {
    # a mount point of its own, so that tests may make name spaces in there
    mount --bind "$1" "$1"
    mount -t proc proc "$1/proc"
    mount -t sysfs -o ro sysfs "$1/sys"
    mount --rbind /dev "$1/dev"
    [ ! -d /sys/fs/cgroup ] ||
        mount -o ro,bind /sys/fs/cgroup "$1/sys/fs/cgroup"
}

# This machine's ways to the mirrors.
chroot_ways() {
    cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
    cp -a /etc/ssl/certs "$1/etc/ssl/"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/"
    if [ -d "$HOME/.config/pip" ]; then
        mkdir -p "$1/srv/.config"
        cp -a "$HOME/.config/pip" "$1/srv/.config/"
    fi
    for file in /etc/apt/apt.conf.d/*; do
        ! grep -qiE 'acquire|proxy' "$file" 2>/dev/null ||
            cp "$file" "$1$file"
    done
}

# chroot_run ROOT COMMAND… — with a clean environment.
chroot_run() {
    inside=$1
    shift
    # shellcheck disable=SC2046
    chroot "$inside" env -i \
        $(env | grep -E '^(PIP|SSL)_[A-Z_]*=[^ ]*$' || true) \
        HOME=/srv LC_ALL=C.UTF-8 TERM=xterm \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "$@" </dev/null
}
