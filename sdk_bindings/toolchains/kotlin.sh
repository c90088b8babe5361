#!/usr/bin/env bash
# Installs the tools and libraries that build and test the Kotlin libraries, on Debian and as root: JDK
# 17, Maven, aapt2 and exiftool come from Debian, everything else from Maven Central. A second run does
# nothing.
set -euo pipefail
library="$(cd "$(dirname "$0")/../kotlin" && pwd)"
repository="${HOME}/.m2/repository"

packages=()
[ -x /usr/lib/jvm/java-17-openjdk-*/bin/javac ] || packages+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || packages+=(maven)
command -v aapt2 >/dev/null || packages+=(aapt)
command -v exiftool >/dev/null || packages+=(libimage-exiftool-perl)
if [ "${#packages[@]}" -gt 0 ]; then
    "$(dirname "$0")/debian.sh" "${packages[@]}"
fi

# The name of the stamp contains the hash of the build files, so a change of them downloads again.
stamp="$repository/.pocketavatar-$(cat "$library"/pom.xml "$library"/*/pom.xml | sha256sum | cut -c1-16)"
if [ ! -e "$stamp" ]; then
    echo "fetching what the Kotlin libraries are built with: a few minutes, once" >&2
    # Only a whole build, here without its tests, downloads everything that a later build needs.
    mvn --quiet --batch-mode --file "$library/pom.xml" verify \
        -Dtest='none.at.all' -Dsurefire.failIfNoSpecifiedTests=false
    touch "$stamp"
fi
