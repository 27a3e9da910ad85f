#!/bin/bash
# Exits 0 when a role says it is ready: healthy.sh [HOST:PORT] [PATH]. For health checks in
# images that have no HTTP client.
address=${1:-127.0.0.1:9090}
path=${2:-/readyz}
exec 3<>"/dev/tcp/${address%:*}/${address##*:}" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$path" "$address" >&3
read -r -t 5 _ status _ <&3 || exit 1
[ "$status" = 200 ]
