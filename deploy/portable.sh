#!/bin/sh
# Checks that a built program runs wherever glibc 2.36 is: portable.sh PROGRAM
set -eu
program=${1:?usage: portable.sh PROGRAM}
more=$(readelf -dW "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	grep -vE '^(libc|libm|libpthread|libdl|librt|libresolv|ld-linux-x86-64)\.so\.[0-9]+$' || true)
if [ -n "$more" ]; then
	echo "portable: $program needs $(echo "$more" | tr "\n" " ")" >&2
	exit 1
fi
newest=$(readelf -VW "$program" | grep -oE 'GLIBC_2\.[0-9]+' | sort -t. -k2n | tail -1)
if [ "${newest#GLIBC_2.}" -gt 36 ]; then
	echo "portable: $program needs $newest: build on Debian 12" >&2
	exit 1
fi
echo "portable: $program needs $newest and nothing else" >&2
