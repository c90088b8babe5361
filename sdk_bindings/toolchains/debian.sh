#!/usr/bin/env bash
# Installs Debian packages, as root. A lock lets one call run at a time, because several toolchains can
# be installed in parallel.
#
#   sdk_bindings/toolchains/debian.sh PACKAGE...
set -euo pipefail

fail() { echo "debian.sh: $*" >&2; exit 2; }

command -v apt-get >/dev/null || fail "there is no apt-get; install what gives: $*"
[ "$(id -u)" = 0 ] || fail "installing $* needs root; run 'sudo make toolchains'"
exec 9>/tmp/pocketavatar-debian.lock
flock 9
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
