#!/usr/bin/env bash
# Runs the parts of a release's test and says at the end how long each took and which failed: parts.sh [PART...]
#
#   build       the release: packages, image, bills of materials, sums
#   packages    installed, upgraded (from the packages in BEFORE_DIST), searched and removed in clean roots of Debian 12 and 13; the image
#               unpacked and started
#   images      every target of the Containerfile, built by buildah and started
#   processors  the programs under qemu, on processors this machine does not have
#   upgrade     rolling, from the release before (BEFORE=commit) and back by one, both running side by side
#   page        the page in Firefox, openapi.yaml in other people's tools
#   races       all that runs at the same time, under the race detector (deploy/raced.sh --all --only REGEXP runs a part of it)
#   twice       the release a second time, from nothing in another directory: the same bits
#
# Without names all parts run in this order, even after one has failed. All others need the result of build.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
version=0.0.1
part() {
	case $1 in
	build) deploy/release.sh "$version" ;;
	packages) deploy/release-test.sh "dist/$version" ${BEFORE_DIST:+"$BEFORE_DIST"} ;;
	images) deploy/images.sh ;;
	processors) deploy/processors.sh "dist/$version" ;;
	upgrade)
		deploy/before.sh build/before/lineup ${BEFORE:+"$BEFORE"} &&
			LINEUP_TEST_OLDER=$PWD/build/before/lineup go test -count 1 -tags release -timeout 30m -run RollingUpgrade ./cmd/lineup
		;;
	page) go -C queryd/e2e test -count 1 -tags release -timeout 20m -run 'InFirefox|InTools' . ;;
	races) deploy/raced.sh --all -count 1 -timeout 2h ;;
	twice) deploy/twice.sh "$version" ;;
	*)
		echo "parts: there is no part $1: see the head of deploy/parts.sh" >&2
		return 2
		;;
	esac
}
[ "$#" -gt 0 ] || set -- build packages images processors upgrade page races twice
failed=
said=
for name in "$@"; do
	echo "parts: $name"
	began=$SECONDS
	how=well
	part "$name" || { how=FAILED; failed=1; }
	said+=$(printf '%-10s %-6s %5d s' "$name" "$how" $((SECONDS - began)))$'\n'
done
printf '%s' "$said"
[ -z "$failed" ]
