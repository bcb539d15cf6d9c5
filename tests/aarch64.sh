#!/bin/sh
# aarch64.sh — the agent's tests on aarch64: Debian 12's kernel and Python on
# a machine that qemu emulates whole. (qemu-user would not do: it refuses a
# clone without SIGCHLD, and hands out addresses of this machine.)
#
# The system in $AARCH64 is made once; everything is compiled here, by a cross
# compiler: tests that compile for themselves are left out. T="-k 'this or
# that'" goes to pytest as it is. Run by `make test-aarch64`, as root.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
. tests/tools/chroot.sh
root=${AARCH64:?the folder for the system}
case $root in /*) ;; *) root=$PWD/$root;; esac
build=$root.build
python=$root/usr/bin/python3.11
emulate="qemu-aarch64-static -L $root"
tools='python3-pytest python3-pytest-timeout python3-hypothesis python3-xxhash
       python3-lz4 python3-zstandard python3-networkx python3-numpy'

if [ ! -e "$root/made" ]; then
    say "Debian 12 for aarch64 in $root"
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    libraries=$(sed -n 's/^\(lib[a-z0-9-]*\|python3-dev\)  *build$/\1/p' \
        packages.txt)
    # Unpacked, not configured: that would need another emulation.
    debootstrap --foreign --arch=arm64 --variant=minbase --include="$(
        echo "$libraries $tools" iproute2 linux-image-cloud-arm64 |
            tr -s ' \n' ',')" bookworm "$root" $(chroot_mirror) \
        > "$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
    for package in "$root"/var/cache/apt/archives/*.deb; do
        dpkg -x "$package" "$root"
    done
    touch "$root/made"
fi

say "compile"
mkdir -p "$build"
# What the Makefile asks of the Python it builds for.
cat > "$build/target-python" <<END
#!/bin/sh
$emulate $python "\$@" | sed 's#:= /usr/include#:= $root/usr/include#'
END
chmod +x "$build/target-python"
${MAKE:-make} -j2 --no-print-directory BUILD="$build" \
    CC="aarch64-linux-gnu-gcc --sysroot=$root" AR=aarch64-linux-gnu-ar \
    PYTHON="$build/target-python" PYTHONS= ext programs test-tools

say "the machine"
image=$build/image
rm -rf "$image"
mkdir -p "$image/srv/build" "$image/dev" "$image/proc" "$image/sys" \
    "$image/tmp"
tar -C "$root" -cf - --exclude=usr/share/doc --exclude=usr/share/man \
    --exclude=usr/share/locale --exclude=usr/include --exclude='*.a' \
    --exclude=usr/lib/gcc --exclude=lib/modules --exclude=var/cache \
    --exclude=./boot --exclude=./dev --exclude=./debootstrap . |
    tar -C "$image" -xf -
git ls-files -z -- include src tests pytest.ini pyproject.toml mk |
    tar --null -T - -cf - | tar -C "$image/srv" -xf -
for part in py3.11 pyexplore pyexplore-tui tools; do
    cp -r "$build/aarch64-linux-gnu-gcc/$part" "$image/srv/build/"
done
cat > "$image/init" <<END
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 TERM=linux
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
ip link set lo up
ldconfig
cd /srv
PYEXPLORE_BUILD=/srv/build PX_TEST_DEADLINE=300 PYTHONDONTWRITEBYTECODE=1 \\
python3 -m pytest -q -rs --color=no -p no:cacheprovider -c pytest.ini -o timeout=900 \\
    tests/agent ${T:--m smoke -k 'not child'} </dev/null
echo "aarch64: pytest ended with \$?"
echo o > /proc/sysrq-trigger
sleep 60
END
chmod +x "$image/init"
(cd "$image" && find . | cpio -o -H newc --quiet | gzip -1) > "$build/initrd"

say "boot"
qemu-system-aarch64 -M virt -cpu max -smp 2 -m 4096 -nic none -nographic \
    -no-reboot -kernel "$root"/boot/vmlinuz-* -initrd "$build/initrd" \
    -append 'console=ttyAMA0 quiet panic=-1' </dev/null | tee "$build/console"
grep -q '^aarch64: pytest ended with 0' "$build/console"
