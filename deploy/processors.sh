#!/usr/bin/env bash
# Runs the programs of a release on processors that qemu emulates: processors.sh DIST
#
# On a processor of 2010, without AVX, the x86-64-v3 program must refuse with a clear message as soon as faces are needed, and the
# x86-64-v2 program must crawl and answer. On a processor of 2013 both must start.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(realpath "${1:?usage: processors.sh DIST}")
work=$(mktemp -d)
demo=
clean() {
	[ -z "$demo" ] || kill "$demo" 2>/dev/null || true
	rm -rf "$work"
}
trap clean EXIT
fail() { echo "processors: $*" >&2; exit 1; }
models=${LINEUP_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/lineup/models}
api=127.0.0.1:$(deploy/port.sh) site=127.0.0.1:$(deploy/port.sh)
export LINEUP_MODELS=$models OPENBLAS_NUM_THREADS=1
# on PROCESSOR LEVEL ARGUMENTS... runs the program of that level.
on() { qemu-x86_64-static -cpu "$1" "$work/$2" "${@:3}"; }
for level in x86-64-v2 x86-64-v3; do
	name=lineup-$level
	[ "$level" = x86-64-v2 ] || name=lineup
	tar -xzOf "$(ls "$dist/${name}"_*_amd64.tar.gz)" --wildcards '*/usr/bin/lineup' >"$work/$level"
	chmod +x "$work/$level"
	for processor in Westmere Haswell; do
		on $processor $level doctor --data "$work/none" >"$work/said" 2>"$work/errors" || true
		grep 'processor' "$work/said" >"$work/line" || { cat "$work/errors" >&2; fail "$level on $processor: doctor says nothing"; }
		want='^ok'
		if [ $level$processor = x86-64-v3Westmere ]; then want='^wrong.*lacks AVX2.*install lineup-x86-64-v2'; fi
		grep -qE "$want" "$work/line" || fail "$level on $processor: $(cat "$work/line")"
	done
done
if timeout 300 qemu-x86_64-static -cpu Westmere "$work/x86-64-v3" demo --data "$work/v3" --listen "$api" \
	--sample "$site" >"$work/v3.log" 2>&1; then fail "x86-64-v3 on Westmere: the demo ended well"; fi
grep -q 'install lineup-x86-64-v2' "$work/v3.log" || { cat "$work/v3.log" >&2; fail "x86-64-v3 on Westmere: does not refuse in words"; }

start=$(date +%s)
# Go's asynchronous preemption is off because qemu is slow with its signals. One face takes ten seconds and more.
GODEBUG=asyncpreemptoff=1 qemu-x86_64-static -cpu Westmere "$work/x86-64-v2" demo --data "$work/v2" --set index.cnn=false \
	--set query.embed_timeout=5m --set query.search_timeout=5m --listen "$api" --sample "$site" >"$work/v2.log" 2>&1 &
demo=$!
deploy/answers.sh "$api" $demo "$work/v2.log" 3000 || { tail -30 "$work/v2.log" >&2; fail "x86-64-v2 on Westmere does not answer"; }
echo "processors: x86-64-v3 refuses where AVX2 is missing, x86-64-v2 answers there ($(($(date +%s) - start)) s, played by qemu)"
