#!/usr/bin/env bash
# Runs the tests of raced-packages under the race detector, which knows no position-independent programs:
#
#   deploy/raced.sh [ARGUMENTS OF go test]
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
whole=() failed=0
while read -r package rest; do
	if [ -z "$rest" ]; then
		whole+=("$package")
	else
		# shellcheck disable=SC2086 # arguments of go test
		go test -race -buildmode=default "$@" $rest "$package" || failed=1
	fi
done < <(sed 's/#.*//' deploy/raced-packages | grep .)
go test -race -buildmode=default "$@" "${whole[@]}" || failed=1
exit "$failed"
