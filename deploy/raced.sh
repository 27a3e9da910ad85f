#!/usr/bin/env bash
# Runs the tests of raced-packages under the race detector, without -buildmode=pie, which it does not support:
#
#   deploy/raced.sh [--all] [--only REGEXP] [ARGUMENTS OF go test]
#
# --all also runs the packages below the mark "## make race"; --only runs those whose path matches.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
whole=() failed=0 last='/^## make race/q' only=.
if [ "${1:-}" = --all ]; then
	shift
	last=''
fi
if [ "${1:-}" = --only ]; then
	only=$2
	shift 2
fi
while read -r package rest; do
	[[ $package =~ $only ]] || continue
	if [ -z "$rest" ]; then
		whole+=("$package")
	else
		# shellcheck disable=SC2086 # arguments of go test
		(cd "$package" && go test -race -buildmode=default "$@" $rest .) || failed=1 # in its own module
	fi
done < <(sed "$last" deploy/raced-packages | sed 's/#.*//' | grep .)
[ "${#whole[@]}" = 0 ] || go test -race -buildmode=default "$@" "${whole[@]}" || failed=1
exit "$failed"
