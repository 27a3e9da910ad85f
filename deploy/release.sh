#!/usr/bin/env bash
# Builds a release: release.sh x.y.z
#
# dist/x.y.z gets .deb, .rpm and .tar.gz for processors since 2013 (x86-64-v3) and for older ones (x86-64-v2), a bill of
# materials of each, a container image with the face models, and SHA256SUMS, signed if KEY names a minisign secret key (its
# password is in MINISIGN_PASSWORD). Every program runs on Linux with glibc 2.36 and newer: Debian 12 and 13,
# Ubuntu 24.04. The same commit on the same Debian gives the same bits. LEVELS selects levels, an empty IMAGE= omits the image.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: release.sh x.y.z}
out=$PWD/dist/$version
static=$PWD/build/static
deploy/static.sh "$static"
mkdir -p "$out" build/release
rm -f "$out"/*

epoch=$(git log -1 --format=%ct)
stamp="-X main.version=$version -X main.commit=$(git rev-parse HEAD) -X main.date=$(git log -1 --format=%cI)"
go -C deploy/release build -trimpath -o ../../build/release/release .
for level in ${LEVELS:-x86-64-v3 x86-64-v2}; do
	echo "release: building for $level" >&2
	program=build/release/lineup-$level
	STAMP=$stamp deploy/link.sh "$level" "$program"
	image=()
	if [ "$level" = x86-64-v3 ] && [ "${IMAGE-yes}" = yes ]; then
		deploy/root.sh build/release/root.tar "$epoch"
		models=${LINEUP_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/lineup/models}
		LINEUP_MODELS=$models "$program" models >&2 # fetched where they are not there, and verified
		image=(--image build/release/root.tar --models "$models")
	fi
	build/release/release --version "$version" --level "$level" --program "$program" --root . --out "$out" --epoch "$epoch" \
		--libraries "$static/libraries" "${image[@]}"
done
build/release/release --out "$out" --sums ${KEY:+--key "$KEY"}
ls -l "$out"
