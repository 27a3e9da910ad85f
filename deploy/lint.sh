#!/usr/bin/env bash
# Checks the source of every module: the linters of .golangci.yml (at the version pinned in
# deploy/lint/go.mod), the length of lines in scripts, and known vulnerabilities.
#
#   deploy/lint.sh BUILD_DIR
set -euo pipefail
build=$(realpath -m "${1:?usage: deploy/lint.sh BUILD_DIR}")
cd "$(dirname "$0")/.."
go -C deploy/lint build -o "$build/bin/" tool
failed=0
for module in $(deploy/modules.sh); do
	[ -n "$(git -C "$module" ls-files '*.go')" ] || continue # deploy/lint names tools and holds no code
	(cd "$module" && "$build/bin/golangci-lint" run --config "$OLDPWD/.golangci.yml" ./...) || failed=1
done
if git ls-files -z '*.sh' ':!*/testdata/*' Makefile | xargs -0 grep -nE '^.{141,}' >&2; then
	echo "these lines have more than 140 columns" >&2
	failed=1
fi
if git ls-files -z ':!*.jpg' ':!*.png' ':!*.webp' | xargs -0 grep -lP '^\x7fELF' >&2; then
	echo "these are programs, which nobody can review: git rm --cached them" >&2
	failed=1
fi
deploy/vulnerable.sh "$build/bin/govulncheck" || failed=1
exit "$failed"
