#!/bin/sh
# Compiles every package of this folder, on a Mac with Xcode, into what Apple's Swift package reads:
#
#     sh compile.sh [RESOURCES]
#
# RESOURCES is the folder of the results, "Resources" beside this script where it is left out. What
# it has already stays, so that a refiner can be compiled into the folder of its base model.
set -eu
resources=${1:-$(dirname "$0")/Resources}
mkdir -p "$resources"
resources=$(cd "$resources" && pwd)
cd "$(dirname "$0")"

for package in *.mlpackage controlnet/*.mlpackage; do
    [ -d "$package" ] || continue
    target=$resources/$(dirname "$package")
    name=$(basename "$package" .mlpackage)
    [ -d "$target/$name.mlmodelc" ] && continue
    mkdir -p "$target"
    xcrun coremlcompiler compile "$package" "$target"
done

for tokenizer in tokenizer tokenizer_2; do
    for file in vocab.json merges.txt; do
        [ -f "$tokenizer/$file" ] || continue
        [ -f "$resources/$file" ] || cp "$tokenizer/$file" "$resources/$file"
    done
done
