#!/usr/bin/env bash
# Looks for known vulnerabilities that the code of any module can reach, with govulncheck at the version pinned in
# deploy/lint/go.mod. If the vulnerability database cannot be reached it says so and exits 0. VULNDB names another
# location of the database, such as a copy: file:///srv/vulndb.
#
#   deploy/vulnerable.sh path/to/govulncheck
set -euo pipefail
check=$(realpath -m "${1:?usage: deploy/vulnerable.sh path/to/govulncheck}")
cd "$(dirname "$0")/.."
db=${VULNDB:-https://vuln.go.dev}
for module in $(deploy/modules.sh); do
	[ -n "$(git -C "$module" ls-files '*.go')" ] || continue # deploy/lint names tools and holds no code
	code=0
	said=$(cd "$module" && "$check" -db "$db" ./... 2>&1) || code=$?
	if [ "$code" -ne 0 ] && grep -q '^govulncheck: fetching vulnerabilities' <<<"$said"; then
		echo "vulnerable: NOT LOOKED FOR: $db cannot be reached; set VULNDB to a copy, or run this where it can" >&2
		exit 0
	fi
	echo "vulnerable: $module: $said"
	[ "$code" -eq 0 ] || exit "$code"
done
