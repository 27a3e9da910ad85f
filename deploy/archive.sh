#!/usr/bin/env bash
# Keeps a small data directory that this version of the program wrote, for the upgrade tests: archive.sh PROGRAM FILE.tgz
#
# Four made-up people are crawled and one is removed. A key searches for a face, which leaves evidence, and watches a record. FILE.tgz
# holds data/ and about.json, which lists what data/ contains.
set -euo pipefail
program=$(realpath "${1:?usage: archive.sh PROGRAM FILE.tgz}")
file=$(realpath -m "${2:?usage: archive.sh PROGRAM FILE.tgz}")
work=$(mktemp -d)
running=()
clean() {
	for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait
	rm -rf "$work"
}
trap clean EXIT
cd "$work"
removed=1711b82c-95fc-5b68-b1be-acb2736db34c
site=127.0.0.1:18490 api=127.0.0.1:18491
printf 'contact: operator@example.test\nprivate: ""\nlisten: "%s"\nsources: {us-ny: {base_url: "http://%s"}}\n' "$api" "$site" >lineup.yaml
lineup() { "$program" "$@" --data data --config lineup.yaml; }
"$program" samplesite --people 4 --seed 7 --listen "$site" >site.log 2>&1 &
running+=($!)
for _ in $(seq 50); do curl -fsS "http://$site/" >/dev/null 2>&1 && break; sleep 0.2; done

lineup scrape us-ny --once >&2
key=$(lineup keys add tester)
lineup remove "$removed" --reason policy >/dev/null
"$program" up --data data --config lineup.yaml >up.log 2>&1 & # not by the function: its process would not be killed
running+=($!)
for _ in $(seq 150); do curl -fsS "http://$api/readyz" >/dev/null 2>&1 && break; sleep 0.2; done
# The photo of somebody listed, taken from the answer.
record=$(curl -fsS "http://$api/sexoffender?key=$key&state=ny")
person=$(jq -r '.offenders[0].uuid' <<<"$record")
curl -fsS "$(jq -r '.offenders[0].offenderImageUrlR2' <<<"$record")" >photo
match=$(jq -n --arg photo "$(base64 -w0 photo)" '{queryImageBase64: $photo, details: true}' |
	curl -fsS -H 'Content-Type: application/json' --data-binary @- "http://$api/faces?key=$key" | jq -er '.faceMatches[0].matchId')
watch=$(curl -fsS -H 'Content-Type: application/json' -d "{\"uuid\": \"$person\"}" "http://$api/v1/watches?key=$key" | jq -er '.id')
kill "${running[1]}"
wait "${running[1]}" || true
running=("${running[0]}")
jq -n --arg made "$(lineup version | head -1)" --arg key "$key" --arg removed "$removed" --arg match "$match" --arg watch "$watch" \
	'{made: $made, key: $key, removed: $removed, match: $match, watch: $watch}' >about.json
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -czf "$file" about.json data
jq -c . about.json >&2
ls -l "$file" >&2
