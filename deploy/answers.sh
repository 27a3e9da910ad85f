#!/usr/bin/env bash
# Waits until a demo answers, and searches it: answers.sh ADDRESS PID LOG SECONDS
#
# ADDRESS is the API's, PID the process, LOG the file it prints to, SECONDS how long it may take. One record is searched by name, and its
# photo is then searched by face: both answers must name that registrant.
set -euo pipefail
address=${1:?usage: answers.sh ADDRESS PID LOG SECONDS} pid=${2:?} log=${3:?} seconds=${4:?}
until=$(($(date +%s) + seconds))
fail() { echo "answers: $*" >&2; exit 1; }
wait_for() { # wait_for WHAT COMMAND...
	local what=$1
	shift
	until "$@" >/dev/null 2>&1; do
		kill -0 "$pid" 2>/dev/null || fail "the demo ended before $what"
		[ "$(date +%s)" -lt "$until" ] || fail "no $what after $seconds s"
		sleep 0.2
	done
}
record() {
	curl -fsS -m 60 "http://$address/sexoffender?key=DEMO&firstName=Victoria&lastName=Makebelieve" | jq -ce '.offenders[0]'
}
wait_for 'record that is found' record
one=$(record)
# The DEMO key finds only faces of the demo's own photos. The key that is printed once everything is indexed finds any face.
wait_for 'key' grep -q '^Key ' "$log"
key=$(sed -n 's/^Key *\([^ ]*\).*/\1/p' "$log")
found=$(curl -fsS -m 60 "$(jq -r .offenderImageUrlR2 <<<"$one")" | base64 -w0 | jq -R '{queryImageBase64: .}' |
	curl -fsS -m 300 -H 'Content-Type: application/json' --data-binary @- "http://$address/faces?key=$key" |
	jq -r '.faceMatches[0].uuid') || fail "a search by face failed"
[ "$found" = "$(jq -r .uuid <<<"$one")" ] || fail "the photo of $(jq -r .uuid <<<"$one") finds $found first"
