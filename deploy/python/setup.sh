#!/usr/bin/env bash
# Makes the Python that benchmarks are put beside, in a folder of its own: build/python. dlib is
# compiled for this machine, as `pip install face_recognition` does for anybody: some ten minutes the
# first time. DLIB=wheel takes a ready-made build instead, to try the script: it may be slower.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build/python
wanted=$(sed '/^#/d' deploy/python/requirements.txt)
if [ "${DLIB:-source}" = wheel ]; then
	wanted=${wanted/dlib==/dlib-bin==}
fi
if [ -e "$venv/done" ] && [ "$(cat "$venv/done")" = "$wanted" ]; then
	exit 0
fi
python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' || {
	echo "python: needs Python 3.11 or newer with venv: apt-get install python3-venv" >&2
	exit 1
}
if ! command -v "${CXX:-c++}" >/dev/null || ! command -v cmake >/dev/null; then
	echo "python: dlib is compiled with a C++ compiler and CMake: apt-get install g++ cmake" >&2
	exit 1
fi
echo "python: installing face_recognition and NumPy into $venv"
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r <(echo "$wanted")
echo "$wanted" >"$venv/done"
