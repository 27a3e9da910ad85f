#!/usr/bin/env bash
# Prints the directories of this repository's modules, the program's first. Dependencies of
# tests and linters are in modules of their own, so that the program's go.mod names only what the program links.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files -- go.mod '*/go.mod' | grep -v testdata | xargs -n1 dirname | sort
