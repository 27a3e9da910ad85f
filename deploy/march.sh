#!/bin/sh
# Checks that the face code of a built program keeps to an instruction level: march.sh PROGRAM [LEVEL]
#
# cxx.sh replaces go-face's -march=native; this checks the result. It disassembles C++ functions only, which are
# dlib's. Lineup's own scan and Go's runtime select wider instructions at run time, by what the
# processor has.
set -eu
program=${1:?usage: march.sh PROGRAM [LEVEL]}
level=${2:-${LINEUP_MARCH:-x86-64-v3}}
case $level in
x86-64-v4) forbidden='%none' ;;
x86-64-v3) forbidden='%zmm|%k[0-7]' ;;
*) forbidden='%zmm|%ymm|%k[0-7]' ;;
esac
objdump -d --no-show-raw-insn "$program" | awk -v forbidden="$forbidden" -v level="$level" '
	/^[0-9a-f]+ <.*>:$/ { name = $2; cpp = name ~ /^<_Z/; functions += cpp; next }
	cpp && $0 ~ forbidden { if (!wide[name]++) bad++; if (bad <= 3 && wide[name] == 1) print "march: " name " " $0 }
	END {
		if (!functions) { print "march: no C++ function found: is the program stripped?"; exit 2 }
		if (bad) {
			print "march: " bad " of " functions " C++ functions need more than " level ": build with CXX=deploy/cxx.sh and an empty cache"
			exit 1
		}
		print "march: " functions " C++ functions keep to " level
	}' >&2
