#!/usr/bin/env bash
# Builds the program of a release for a level of processors, linked with glibc alone: link.sh LEVEL PROGRAM
#
# Needs the archives of static.sh in build/static. STAMP are further flags of Go's linker. What comes out is looked at
# (march.sh, hardened.sh, portable.sh); its debugging information is taken out, its names stay.
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:?usage: link.sh LEVEL PROGRAM} program=${2:?usage: link.sh LEVEL PROGRAM}
# dlib's archive comes first on the linker's line; what it needs in turn stands behind it.
behind="-L$PWD/build/static -lpng16 -lz -lgfortran -lquadmath -static-libstdc++ -static-libgcc"
# The program asks for these by name when it runs (indexer/face/dlib/blas): they are to be there, and to be found.
for function in openblas_get_corename openblas_get_config openblas_set_num_threads; do
	behind+=" -Wl,-u,$function -Wl,--export-dynamic-symbol=$function"
done
# Go's cache knows nothing of what cxx.sh is told by its environment: the level is among the flags, so that no object of one level
# is linked into a program of another.
CGO_CXXFLAGS="$(go env CGO_CXXFLAGS) -DLINEUP_MARCH=$level"
export CGO_CXXFLAGS
# Go's own identifier of a build tells the flags apart, and with them this directory: it is left empty.
CXX=$PWD/deploy/cxx.sh LINEUP_MARCH=$level \
	go build -trimpath -buildvcs=false -o "$program" \
	-ldflags "-buildid= -X lineup/indexer/face/dlib/blas.level=$level ${STAMP:-} -extldflags '$behind'" ./cmd/lineup
deploy/march.sh "$program" "$level"
deploy/hardened.sh "$program"
deploy/portable.sh "$program"
strip --strip-debug "$program"
