#!/usr/bin/env bash
# Runs every fuzz test for a time: deploy/fuzz.sh 30s. Stops at the first that finds something;
# go test keeps the input under testdata/fuzz of its package. What is written in C runs under the
# address and undefined behaviour sanitizers too: the JPEG decoder over the same inputs, the scan over
# galleries drawn from a new seed, which a failure names.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rE --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file func; do
	name=${func#func }
	echo "== $(dirname "$file") $name"
	(cd "$(dirname "$file")" && go test -run '^$' -fuzz "^$name\$" -fuzztime "${1:-30s}" . </dev/null)
done
echo "== ./indexer/face/dlib/photo under the sanitizers"
CGO_CFLAGS="-g -O1 -fsanitize=undefined -fno-sanitize-recover=undefined" CGO_LDFLAGS=-fsanitize=undefined \
	go test -asan -run '^$' -fuzz '^FuzzDecode$' -fuzztime "${1:-30s}" ./indexer/face/dlib/photo </dev/null
echo "== ./indexer/index/embedded under the sanitizers"
LINEUP_SCAN_SEED=$(date +%s) LINEUP_SCAN_TIME="${1:-30s}" go test -count 1 -timeout 12h \
	-run '^TestScanUnderSanitizers$' ./indexer/index/embedded
