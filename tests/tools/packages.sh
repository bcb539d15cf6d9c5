#!/bin/sh
# packages.sh PURPOSE… — makes sure that the packages of packages.txt for these
# purposes are installed. As root it installs what is missing; otherwise it
# prints the one command that does, and ends with status 2.
# SPDX-License-Identifier: MIT
set -eu
list="$(dirname "$0")/../../packages.txt"

missing=
for purpose; do
    while read -r name for_what; do
        case $name in ''|'#'*) continue;; esac
        [ "$for_what" = "$purpose" ] || continue
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null |
            grep -q 'ok installed' || missing="$missing $name"
    done < "$list"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "no apt-get here; what Debian calls these must be installed:$missing" >&2
    exit 2
fi
if [ "$(id -u)" != 0 ]; then
    echo "packages are missing; this installs them:" >&2
    echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 2
fi
echo "installing$missing"
apt-get update -q >/dev/null
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    $missing >/dev/null
