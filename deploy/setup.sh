#!/usr/bin/env bash
# Prepares this machine to build Lineup: compiler, dlib, BLAS, LAPACK, libjpeg. Installs only
# what is missing, with apt-get. Where there is no apt-get it says what to install and stops.
#
#   deploy/setup.sh BUILD_DIR [--browser] [--release]
#
# --browser also installs what only the tests need: Chromium, curl, openssl, shellcheck, zsh, fish, Node and Python with requests.
# --release installs what only `make release-test` needs: Firefox, npm, mmdebstrap, rpm, rpm2cpio, cpio, jq, minisign, qemu and buildah.
# go-face links libcblas, which Debian does not have under that name: OpenBLAS contains its functions. A linker script of that
# name is put into /usr/local/lib, so that a plain `go build` works in an editor too; without root, into BUILD_DIR/lib, where make
# tells the linker to look.
set -euo pipefail

build=${1:?usage: deploy/setup.sh BUILD_DIR [--browser] [--release]}
shift
want_browser=
want_release=
for option in "$@"; do
	case $option in
	--browser) want_browser=1 ;;
	--release) want_release=1 ;;
	*) echo "setup: unknown option $option" >&2; exit 2 ;;
	esac
done
mkdir -p "$build/lib"

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

updated=
install() {
	if ! command -v apt-get >/dev/null; then
		echo "setup: please install what is missing, then run this again: $*" >&2
		echo "       (development files of dlib, OpenBLAS with cblas, LAPACK and libjpeg, and a C++ compiler)" >&2
		exit 1
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		echo "setup: as root, run: apt-get install $*" >&2
		exit 1
	fi
	echo "setup: installing with apt-get: $*"
	if [ -z "$updated" ]; then
		as_root apt-get update -qq
		updated=1
	fi
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# available reports whether apt can install $1. A purely virtual package does not count.
available() {
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# first_available prints the first of its arguments that apt knows.
first_available() {
	local package
	for package in "$@"; do
		if available "$package"; then
			echo "$package"
			return
		fi
	done
	echo "$1"
}

# links reports whether a program that includes $1 links with the libraries that follow.
links() {
	local header=$1
	shift
	printf '#include <cstddef>\n#include <cstdio>\n#include <%s>\nint main() { return 0; }\n' "$header" |
		"${CXX:-c++}" -std=c++17 -x c++ -o "$build/lib/.probe" - -L"$build/lib" "$@" >/dev/null 2>&1
	local ok=$?
	rm -f "$build/lib/.probe"
	return $ok
}

command -v "${CXX:-c++}" >/dev/null || install g++
command -v make >/dev/null || install make

if ! links dlib/algs.h -ldlib || ! links cstddef -lblas -llapack || ! links jpeglib.h -ljpeg; then
	if command -v apt-get >/dev/null && ! available libdlib-dev; then
		as_root apt-get update -qq
		updated=1
	fi
	packages=(libdlib-dev libopenblas-dev liblapack-dev "$(first_available libjpeg62-turbo-dev libjpeg-turbo8-dev libjpeg-dev)")
	if available libatlas-base-dev; then
		packages+=(libatlas-base-dev)
	fi
	install "${packages[@]}"
fi

# plainly reports whether the linker finds libcblas by itself, as it must when an editor calls go without make.
plainly() {
	echo 'int main() { return 0; }' | env -u LIBRARY_PATH "${CXX:-c++}" -x c++ -o "$build/lib/.probe" - -lcblas >/dev/null 2>&1
	local ok=$?
	rm -f "$build/lib/.probe"
	return $ok
}

if ! plainly; then
	openblas=$("${CXX:-c++}" -print-file-name=libopenblas.so)
	if [ ! -e "$openblas" ]; then
		install libopenblas-dev
		openblas=$("${CXX:-c++}" -print-file-name=libopenblas.so)
	fi
	openblas=$(realpath -s "$openblas")
	if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
		as_root mkdir -p /usr/local/lib
		as_root ln -sfn "$openblas" /usr/local/lib/libcblas.so
		echo "setup: the linker's libcblas is /usr/local/lib/libcblas.so, a link to $openblas"
	fi
	if ! plainly; then
		ln -sfn "$openblas" "$build/lib/libcblas.so"
		echo "setup: for go without make, in an editor too: export LIBRARY_PATH=$build/lib"
	fi
fi
links cstddef -lcblas || { echo "setup: the linker still finds no libcblas" >&2; exit 1; }

if [ -n "$want_browser" ] && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null &&
	! command -v chromium-browser >/dev/null; then
	install chromium
fi

# For the tests that run the documented client snippets.
if [ -n "$want_browser" ]; then
	command -v curl >/dev/null || install curl
	command -v node >/dev/null || install nodejs
	command -v shellcheck >/dev/null || install shellcheck # of these scripts
	command -v openssl >/dev/null || install openssl # deploy/secrets.sh
	command -v zsh >/dev/null || install zsh # the shells that lineup completes in
	command -v fish >/dev/null || install fish
	python3 -c 'import requests' 2>/dev/null || /usr/bin/python3 -c 'import requests' 2>/dev/null || install python3 python3-requests
	python3 -m pip --version >/dev/null 2>&1 || install python3-pip
	"$(dirname "$0")/onnxruntime.sh"
fi
if [ -n "$want_release" ]; then
	command -v firefox-esr >/dev/null || install firefox-esr
	command -v mmdebstrap >/dev/null || install mmdebstrap # clean roots to try packages in
	command -v rpm >/dev/null || install rpm
	command -v rpm2cpio >/dev/null || install rpm2cpio
	command -v minisign >/dev/null || install minisign
	command -v qemu-x86_64-static >/dev/null || install qemu-user-static # plays other processors
	command -v buildah >/dev/null || install buildah
	command -v jq >/dev/null || install jq
	command -v cpio >/dev/null || install cpio
	command -v npm >/dev/null || install npm
fi
exit 0
