#!/usr/bin/env bash
# Type-checks the code for Apple's platforms (Core ML, Vision, ImageIO, the example screen) without
# Apple's SDK, against the declarations beside this file. They are written from Apple's
# documentation, so code that passes here is not yet compiled against Apple's SDK.
#
#   Tests/AppleDeclarations/typecheck.sh [FOLDER]    needs swiftc on the PATH, and writes the
#                                                    library's symbol graph to FOLDER
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
package="$here/../.."
modules="$(mktemp -d)"
trap 'rm -rf "$modules"' EXIT
flags=(-swift-version 6 -parse-as-library -I "$modules")

for name in Darwin CryptoKit CoreGraphics CoreVideo ImageIO CoreML Vision \
    UniformTypeIdentifiers SwiftUI PhotosUI; do
    swiftc "${flags[@]}" -emit-module -module-name "$name" \
        -o "$modules/$name.swiftmodule" "$here/$name.swift"
done
mapfile -t sources < <(find "$package/Sources/AvatarStudio" -name '*.swift' | LC_ALL=C sort)
swiftc "${flags[@]}" -warnings-as-errors -emit-module -module-name AvatarStudio \
    -o "$modules/AvatarStudio.swiftmodule" "$here/AppleFoundation.swift" "${sources[@]}"
swiftc "${flags[@]}" -warnings-as-errors -typecheck -module-name Example \
    "$package"/Examples/AvatarScreen/*.swift
if [ $# -gt 0 ]; then
    target="$(swiftc -print-target-info | sed -n 's/.*"triple": "\(.*\)",/\1/p' | head -1)"
    swift-symbolgraph-extract -module-name AvatarStudio -I "$modules" -target "$target" \
        -minimum-access-level public -skip-synthesized-members -output-dir "$1"
fi
echo "type-checked ${#sources[@]} files and the example screen"
