#!/usr/bin/env bash
# Prints the directories of this repository's modules, the program's first. What only tests or
# linters need has modules of its own, so that the program's go.mod names what the program links.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files -- go.mod '*/go.mod' | grep -v testdata | xargs -n1 dirname | sort
