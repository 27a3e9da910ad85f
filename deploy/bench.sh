#!/usr/bin/env bash
# Runs every benchmark and writes the figures, with a description of the machine, to
# build/bench.txt. BENCHTIME is the number of repetitions, BENCH selects benchmarks by name, and
# LINEUP_BENCH_FACES is how many faces the largest galleries have (1,000,000), LINEUP_BENCH_RECORDS how many records
# without photos are searched (100,000), LINEUP_BENCH_LISTINGS how many of them the ledger holds (default: all; with fewer,
# each listing stands for several records), LINEUP_BENCH_DIR where they are kept for the next run, LINEUP_BENCH_IMPORT how
# many a file has that is imported (10,000).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
out=build/bench.txt
{
	date -u +%Y-%m-%dT%H:%MZ
	sed -n 's/^model name[^:]*: /processor: /p' /proc/cpuinfo | head -1
	echo "cores: $(nproc), memory: $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), load: $(cut -d' ' -f1 /proc/loadavg)"
	go version
} >"$out"
if [[ Python =~ ${BENCH:-.} ]]; then
	deploy/python/setup.sh
fi
for package in $(grep -rlE --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u); do
	# One package after the other: two at once would measure each other.
	go test -run '^$' -bench "${BENCH:-.}" -benchtime "${BENCHTIME:-3x}" -timeout 2h "$package" | tee -a "$out"
done
deploy/bench-table.sh "$out"
cat <<END
The figures are in $out; docs/benchmarks.md says what they mean.
END
