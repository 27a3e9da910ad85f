#!/bin/sh
# A C++ compiler that replaces -march=native by a named level, so that what one machine builds
# runs on others: CXX=deploy/cxx.sh go build ... The level is LINEUP_MARCH, x86-64-v3 by default
# (AVX2, since 2013); x86-64-v2 runs on older machines. On other architectures the flag is dropped.
# LINEUP_CXX is the compiler behind it.
level=${LINEUP_MARCH-x86-64-v3}
case $(uname -m) in
x86_64 | amd64) ;;
*) level= ;;
esac
n=$#
while [ "$n" -gt 0 ]; do
	argument=$1
	shift
	n=$((n - 1))
	case $argument in
	-march=native) [ -z "$level" ] || set -- "$@" "-march=$level" ;;
	*) set -- "$@" "$argument" ;;
	esac
done
exec "${LINEUP_CXX:-c++}" "$@"
