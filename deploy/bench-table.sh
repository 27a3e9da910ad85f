#!/usr/bin/env bash
# Prints the figures of a run of benchmarks beside their aims: bench-table.sh build/bench.txt. A benchmark that
# was not run gets a dash, so that its absence shows.
set -euo pipefail
awk '
	FNR == NR { if ($1 !~ /^#/ && NF == 4) { n++; name[n] = $1; unit[n] = $2; sign[n] = $3; aim[n] = $4 } next }
	/^Benchmark/ {
		sub(/-[0-9]+$/, "", $1)
		for (i = 3; i < NF; i += 2) figure[$1, $(i + 1)] = $i
	}
	END {
		printf "%-38s %-18s %10s %10s\n", "benchmark", "figure", "measured", "aim"
		for (i = 1; i <= n; i++) {
			key = name[i] SUBSEP unit[i]
			measured = key in figure ? figure[key] : "-"
			met = ""
			if (measured != "-") {
				good = sign[i] == ">=" ? measured + 0 >= aim[i] + 0 : measured + 0 <= aim[i] + 0
				met = good ? "met" : "missed"
			}
			line = sprintf("%-38s %-18s %10s %10s  %s", name[i], unit[i], measured, sign[i] " " aim[i], met)
			sub(/ +$/, "", line)
			print line
		}
	}' "$(dirname "$0")/bench-aims" "$1"
