#!/usr/bin/env bash
# Builds the program of a release for a level of processors, linked with glibc alone: link.sh LEVEL PROGRAM
#
# Needs the archives of static.sh in build/static. STAMP are further flags of Go's linker. The result is checked
# by march.sh, hardened.sh and portable.sh. Debugging information is stripped; the symbol table stays.
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:?usage: link.sh LEVEL PROGRAM} program=${2:?usage: link.sh LEVEL PROGRAM}
# The linker reads archives from left to right: dlib's first, then what dlib needs.
behind="-L$PWD/build/static -lpng16 -lz -lgfortran -lquadmath -static-libstdc++ -static-libgcc"
# indexer/face/dlib/blas looks these functions up by name at run time, so they must be linked in and exported.
for function in openblas_get_corename openblas_get_config openblas_set_num_threads; do
	behind+=" -Wl,-u,$function -Wl,--export-dynamic-symbol=$function"
done
# Go's build cache does not see the environment that cxx.sh reads. The level is therefore part of the flags too; otherwise an object
# compiled for one level could be linked into a program for another.
CGO_CXXFLAGS="$(go env CGO_CXXFLAGS) -DLINEUP_MARCH=$level"
export CGO_CXXFLAGS
# Go's build id is a hash over the flags, which name this directory. It is left empty so that builds elsewhere give the same bits.
CXX=$PWD/deploy/cxx.sh LINEUP_MARCH=$level \
	go build -trimpath -buildvcs=false -o "$program" \
	-ldflags "-buildid= -X lineup/indexer/face/dlib/blas.level=$level ${STAMP:-} -extldflags '$behind'" ./cmd/lineup
deploy/march.sh "$program" "$level"
deploy/hardened.sh "$program"
deploy/portable.sh "$program"
strip --strip-debug "$program"
