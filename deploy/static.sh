#!/usr/bin/env bash
# Puts static archives of the C libraries that a release links into DIRECTORY, where the linker looks first, and lists
# them: static.sh DIRECTORY
#
# A release then needs glibc and nothing else. The archives are Debian's: those of dlib, OpenBLAS with all its kernels
# and LAPACK, libjpeg, libpng, zlib and Fortran's run time. DIRECTORY/libraries lists name, version and licence.
set -euo pipefail
dir=${1:?usage: static.sh DIRECTORY}
mkdir -p "$dir"
cxx=${LINEUP_CXX:-c++}
archive() { "$cxx" -print-file-name="lib$1.a"; }
if [ ! -e "$(archive gfortran)" ]; then
	package=libgfortran-$("$cxx" -dumpversion | cut -d. -f1)-dev
	echo "static: installing $package"
	if [ "$(id -u)" = 0 ]; then apt-get install -y -qq --no-install-recommends "$package" >/dev/null
	else sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null; fi
fi
# go-face links three library names, -lopenblas, -lcblas and -llapack; Debian's libopenblas.a contains all their functions.
declare -A from=([dlib]=dlib [blas]=openblas [cblas]=openblas [lapack]=openblas [jpeg]=jpeg [png16]=png16 [z]=z
	[gfortran]=gfortran [quadmath]=quadmath [stdc++]=stdc++)
declare -A licence=([dlib]=BSL-1.0 [openblas]=BSD-3-Clause [jpeg]="IJG AND BSD-3-Clause AND Zlib" [png16]=libpng-2.0 [z]=Zlib
	[gfortran]="GPL-3.0-or-later WITH GCC-exception-3.1" [quadmath]=LGPL-2.1-or-later [stdc++]="GPL-3.0-or-later WITH GCC-exception-3.1")
rm -f "$dir"/lib*.a
: >"$dir/libraries.new"
for name in $(printf '%s\n' "${!from[@]}" | sort); do
	path=$(readlink -e "$(archive "${from[$name]}")") ||
		{ echo "static: no archive of ${from[$name]}: run deploy/setup.sh build" >&2; exit 1; }
	ln -sfn "$path" "$dir/lib$name.a"
	package=$(dpkg -S "$path" | cut -d: -f1)
	printf '%s\t%s\t%s\n' "$package" "$(dpkg-query -W -f '${Version}' "$package")" "${licence[${from[$name]}]}" >>"$dir/libraries.new"
done
sort -u "$dir/libraries.new" >"$dir/libraries"
rm "$dir/libraries.new"
