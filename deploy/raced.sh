#!/usr/bin/env bash
# Runs the tests of raced-packages under the race detector, which knows no position-independent programs:
#
#   deploy/raced.sh [--all] [ARGUMENTS OF go test]
#
# --all also runs those that stand below the mark "## make race".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
whole=() failed=0 last='/^## make race/q'
if [ "${1:-}" = --all ]; then
	shift
	last=''
fi
while read -r package rest; do
	if [ -z "$rest" ]; then
		whole+=("$package")
	else
		# shellcheck disable=SC2086 # arguments of go test
		go test -race -buildmode=default "$@" $rest "$package" || failed=1
	fi
done < <(sed "$last" deploy/raced-packages | sed 's/#.*//' | grep .)
go test -race -buildmode=default "$@" "${whole[@]}" || failed=1
exit "$failed"
