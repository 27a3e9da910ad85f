#!/bin/sh
# Checks that a built program is hardened as the Makefile asks: hardened.sh PROGRAM
#
# Position independent, relocations read-only after start (full RELRO), no executable stack, and C code with stack
# protector and fortified copies.
set -eu
program=${1:?usage: hardened.sh PROGRAM}
head=$(readelf -hldW "$program")
names=$(readelf -sW "$program")
lacks=
has() { # has WHAT PATTERN TEXT
	printf '%s\n' "$3" | grep -qE "$2" || lacks="$lacks; $1"
}
has 'position independent' 'Type: +DYN' "$head"
has 'relocations read only (RELRO)' 'GNU_RELRO' "$head"
has 'relocations at once (BIND_NOW)' 'FLAGS.*(BIND_)?NOW' "$head"
has 'a stack that is not executable' 'GNU_STACK .* RW +0x' "$head"
has 'stack protector' '__stack_chk_fail' "$names"
has 'fortified copies' '__(memcpy|fprintf|vfprintf|sprintf|snprintf|memset|strcpy|printf)_chk' "$names"
if [ -n "$lacks" ]; then
	echo "hardened: $program lacks${lacks#;}" >&2
	exit 1
fi
echo "hardened: $program" >&2
