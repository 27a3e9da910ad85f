#!/usr/bin/env bash
# As people write it: base64 of a file into a JSON body.
set -e
body=$(printf '{"queryImageBase64":"%s"}' "$(base64 -w0 "$PHOTO")")
answer=$(printf '%s' "$body" | curl -sS --fail-with-body -X POST "$BASE/faces?key=$KEY" -H 'Content-Type: application/json' -d @-)
echo "$answer" | grep -q '"firstName":"Rowan"'
# shellcheck disable=SC2001 # as people write it
image=$(echo "$answer" | sed 's/.*"matchedImageUrl":"\([^"]*\)".*/\1/')
test "$(curl -sS -o /dev/null -w '%{http_code} %{content_type}' "$image")" = '200 image/jpeg'
curl -sS --fail-with-body -G "$BASE/sexoffender" --data-urlencode "key=$KEY" --data-urlencode 'firstName=rowan' --data-urlencode 'lastName=testcase' | grep -q '"name":"ROWAN TESTCASE"'
test "$(curl -s -o /dev/null -w '%{http_code}' "$BASE/faces?key=$KEY")" = 405
curl -sS "$BASE/sexoffender?key=nonsense&lastName=x" | grep -q '"code":401'
echo "ok: Rowan Testcase"
