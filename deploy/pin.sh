#!/usr/bin/env bash
# Writes the digest of each third-party image beside its tag, so that what was tested is what runs: the Qdrant server in
# compose.yaml and the base images of the Containerfile. Run it where the container registries can be reached and commit the change.
# Running it again takes the digests that the tags have by then. Nothing is written unless every image was found.
#
#   deploy/pin.sh        with skopeo, crane or docker in the path
set -euo pipefail
cd "$(dirname "$0")"

digest() {
	local found
	if command -v skopeo >/dev/null; then
		found=$(skopeo inspect --no-tags --format '{{.Digest}}' "docker://$1")
	elif command -v crane >/dev/null; then
		found=$(crane digest "$1")
	elif command -v docker >/dev/null; then
		found=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1")
	else
		echo "pin: please install skopeo, crane or docker" >&2
		return 1
	fi
	if ! [[ $found =~ ^sha256:[0-9a-f]{64}$ ]]; then
		echo "pin: no digest of $1: $found" >&2
		return 1
	fi
	echo "$found"
}

# argument prints the default of a build argument of the Containerfile.
argument() { sed -n "s/^ARG $1=//p" Containerfile | head -1; }

qdrant=$(sed -n 's/^ *image: \(docker\.io[^@]*\).*/\1/p' compose.yaml)
go="docker.io/library/golang:$(argument GO_VERSION)-$(argument DEBIAN)"
debian="docker.io/library/debian:$(argument DEBIAN)-slim"
qdrant_digest=$(digest "$qdrant")
go_digest=$(digest "$go")
debian_digest=$(digest "$debian")

sed -i "s|^\( *image: docker\.io[^@]*\).*|\1@$qdrant_digest|" compose.yaml
sed -i -e "s|^ARG GO_DIGEST=.*|ARG GO_DIGEST=@$go_digest|" -e "s|^ARG DEBIAN_DIGEST=.*|ARG DEBIAN_DIGEST=@$debian_digest|" Containerfile
printf 'pin: %s@%s\n' "$qdrant" "$qdrant_digest" "$go" "$go_digest" "$debian" "$debian_digest"
