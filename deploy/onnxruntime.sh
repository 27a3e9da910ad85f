#!/usr/bin/env bash
# Takes ONNX Runtime's shared library out of the Python package onnxruntime and puts it where Lineup looks for it.
# Only the tests and embedders other than dlib's need it. Nothing else of the package is run or installed.
set -euo pipefail

version=1.20.1
dir=${XDG_CACHE_HOME:-$HOME/.cache}/lineup/onnxruntime
[ -e "$dir/libonnxruntime.so" ] && exit 0

machine=$(uname -m)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo "setup: fetching onnxruntime $version with pip"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
	--platform "manylinux_2_27_$machine" --platform "manylinux_2_28_$machine" --dest "$tmp" "onnxruntime==$version"
python3 - "$tmp" <<'END'
import glob, shutil, sys, zipfile
wheel, = glob.glob(sys.argv[1] + "/*.whl")
with zipfile.ZipFile(wheel) as z:
    name, = [n for n in z.namelist() if n.startswith("onnxruntime/capi/libonnxruntime.so.")]
    with z.open(name) as r, open(sys.argv[1] + "/libonnxruntime.so", "wb") as w:
        shutil.copyfileobj(r, w)
END
mkdir -p "$dir"
# Renamed into place, because another set-up may be doing the same.
mv "$tmp/libonnxruntime.so" "$dir/.new.$$"
mv "$dir/.new.$$" "$dir/libonnxruntime.so"
