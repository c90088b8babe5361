#!/usr/bin/env bash
# Provides what the Kotlin libraries are built and tested with, on Debian, as root: JDK 17, Maven,
# aapt2 and exiftool from Debian, everything else from Maven Central. A second run does nothing.
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

# What Maven has is known by the build files that it was fetched for.
stamp="$repository/.pocketavatar-$(cat "$library"/pom.xml "$library"/*/pom.xml | sha256sum | cut -c1-16)"
if [ ! -e "$stamp" ]; then
    echo "fetching what the Kotlin libraries are built with: a few minutes, once" >&2
    # A whole build but for the tests: it alone names everything that a later build asks for.
    mvn --quiet --batch-mode --file "$library/pom.xml" verify \
        -Dtest='none.at.all' -Dsurefire.failIfNoSpecifiedTests=false
    touch "$stamp"
fi
