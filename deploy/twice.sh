#!/usr/bin/env bash
# Builds a release again, in another directory and with empty caches, and compares every file: twice.sh VERSION
#
# dist/VERSION must exist, made by release.sh with the same LEVELS and IMAGE from the commit that is checked out.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?usage: twice.sh VERSION}
work=$(mktemp -d)
tree=$work/another/place/of/other/length
trap 'git worktree remove --force "$tree" 2>/dev/null || true; rm -rf "$work"' EXIT
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "twice: the checkout is changed: what is changed is not compared" >&2
git worktree add --quiet --detach "$tree" HEAD
GOCACHE=$work/cache "$tree/deploy/release.sh" "$version" >&2
(cd "dist/$version" && sha256sum -- *) >"$work/first"
(cd "$tree/dist/$version" && sha256sum -- *) >"$work/second"
if ! diff "$work/first" "$work/second" >&2; then
	echo "twice: these differ between two directories" >&2
	exit 1
fi
echo "twice: the same bits: $(wc -l <"$work/first") files of $version"
