#!/usr/bin/env bash
# Runs every test: lints, then the packages of all modules, then those with goroutines again under
# the race detector. Ends with the number of tests that passed and failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mkdir -p build
log=$PWD/build/test.log
: >"$log"

deploy/lint.sh build || exit 1

# The S3 servers that the blob store is tested against are compiled once per machine, which takes some minutes.
go test -timeout 45m -run '^TestBuild$' ./internal/testkit/s3server || exit 1

failed=0
for module in $(deploy/modules.sh); do
	[ -n "$(git -C "$module" ls-files '*_test.go')" ] || continue
	(cd "$module" && go test -v -timeout 40m ./...) >>"$log" 2>&1 || failed=1
done
deploy/raced.sh -v -timeout 20m >>"$log" 2>&1 || failed=1

grep -E '^(ok|FAIL|---? FAIL|panic:|WARNING: DATA RACE)' "$log" | sort -u
passes=$(grep -cE '^ *--- PASS' "$log")
failures=$(grep -cE '^ *--- FAIL' "$log")
skips=$(grep -cE '^ *--- SKIP' "$log")
if [ "$failed" != 0 ]; then
	[ "$failures" -gt 0 ] || failures=1
	echo "the whole output is in $log; its failures:"
	grep -E -B 30 '^ *--- FAIL|^panic:' "$log" | tail -150
	echo "what the failed tests said themselves, without what their programs printed:"
	awk -f deploy/said.awk "$log" "$log" | tail -80
fi
if [ "$skips" != 0 ]; then
	echo "tests skipped, which none may:"
	grep -E '^ *--- SKIP' "$log"
	failed=1
fi
echo "$passes passed, $failures failed"
exit "$failed"
