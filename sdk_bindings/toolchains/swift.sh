#!/usr/bin/env bash
# Installs Swift 6 for Linux in a separate folder: Debian trixie with Debian's package swiftlang. The host
# needs root and debootstrap only. The first call takes about 3.5 GB and two minutes. A second call sees
# the stamp and does nothing. `swift-run` beside this file runs commands in the folder.
#
#   TOOLCHAINS   the folder for $TOOLCHAINS/swift (default: .toolchains in the repository)
#   MIRROR       Debian's archive (default: http://deb.debian.org/debian)
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="${TOOLCHAINS:-$here/../../.toolchains}/swift"
mirror="${MIRROR:-http://deb.debian.org/debian}"
packages=(swiftlang libc6-dev libstdc++-14-dev libncurses-dev libcurl4-openssl-dev libxml2-dev
    libedit-dev git libonnxruntime-dev libpng-dev liblcms2-dev ca-certificates)
stamp="trixie ${packages[*]}"

fail() { echo "swift.sh: $*" >&2; exit 2; }

[ "$(cat "$root/.ready" 2>/dev/null)" = "$stamp" ] && { echo "Swift is ready in $root"; exit 0; }
[ -f /etc/debian_version ] || fail "this is not Debian; install Swift 6 from swift.org instead"
[ "$(id -u)" = 0 ] || fail "debootstrap needs root; run 'sudo make toolchains'"

if ! command -v debootstrap >/dev/null || [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
    "$here/debian.sh" debootstrap debian-archive-keyring
fi

# An interrupted call leaves a .part folder, which is deleted. The folder is renamed when it is complete.
part="$root.part"
rm -rf --one-file-system "$part"
mkdir -p "$part"
debootstrap --variant=minbase trixie "$part" "$mirror"
printf '#!/bin/sh\nexit 101\n' >"$part/usr/sbin/policy-rc.d"
chmod +x "$part/usr/sbin/policy-rc.d"
cp -L /etc/resolv.conf "$part/etc/resolv.conf"

# The command has its own mount namespace, so its mounts disappear when it ends.
# shellcheck disable=SC2016
unshare --mount --propagation private -- bash -euo pipefail -c '
    part=$1; shift
    mount --bind /proc "$part/proc"
    mount --bind /dev "$part/dev"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root
    chroot "$part" apt-get update -qq
    chroot "$part" apt-get install -y -qq --no-install-recommends "$@"
    chroot "$part" apt-get clean
' install "$part" "${packages[@]}"

rm -f "$part/etc/resolv.conf"
printf '%s\n' "$stamp" >"$part/.ready"
rm -rf --one-file-system "$root"
mv "$part" "$root"
echo "Swift is ready in $root"
