#!/usr/bin/env bash
# Builds the release before this one, for the tests that run both: before.sh FILE [COMMIT]
#
# COMMIT defaults to the latest v* tag that is not on this commit. If there was no release yet, it is this commit.
set -euo pipefail
cd "$(dirname "$0")/.."
file=$(realpath -m "${1:?usage: before.sh FILE [COMMIT]}")
commit=${2:-$(git describe --tags --abbrev=0 --match 'v*' HEAD^ 2>/dev/null || git rev-parse HEAD)}
work=$(mktemp -d)
trap 'git worktree remove --force "$work/tree" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/tree" "$commit"
echo "before: building $(git -C "$work/tree" describe --tags --always)" >&2
mkdir -p "$(dirname "$file")"
go -C "$work/tree" build -trimpath -ldflags "-X main.version=$(git describe --tags --always "$commit")" -o "$file" ./cmd/lineup
