#!/usr/bin/env bash
# Type-checks what is for Apple's platforms (Core ML, Vision, ImageIO, the example screen) where
# there is no Apple SDK, against the declarations beside this file. They are written from Apple's
# documentation: what passes here is not yet compiled against Apple's SDK.
#
#   Tests/AppleDeclarations/typecheck.sh      with swiftc on the PATH
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
echo "type-checked ${#sources[@]} files and the example screen"
