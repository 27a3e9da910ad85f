#!/usr/bin/env bash
# Runs every fuzz test for a time: deploy/fuzz.sh 30s. Stops at the first that finds something;
# go test keeps the input under testdata/fuzz of its package.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rE --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file func; do
	name=${func#func }
	echo "== $(dirname "$file") $name"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "${1:-30s}" "$(dirname "$file")" </dev/null
done
