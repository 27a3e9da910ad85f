#!/usr/bin/env bash
# Makes the root directory of the container image out of Debian's packages: root.sh FILE.tar EPOCH
#
# It holds what a program that links only glibc needs: the C library, certificates and a shell. With SOURCE_DATE_EPOCH set,
# mmdebstrap makes the same bits from the same packages.
set -euo pipefail
file=${1:?usage: root.sh FILE.tar EPOCH}
command -v mmdebstrap >/dev/null || {
	echo "root: installing mmdebstrap" >&2
	if [ "$(id -u)" = 0 ]; then apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
	else sudo apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null; fi
}
# shellcheck disable=SC2016 # mmdebstrap's hooks expand their own argument
SOURCE_DATE_EPOCH=${2:?} mmdebstrap --quiet --variant=essential --include=ca-certificates \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/*' \
	--customize-hook='echo lineup:x:65532: >>"$1"/etc/group' \
	--customize-hook='echo lineup:x:65532:65532::/data:/usr/sbin/nologin >>"$1"/etc/passwd' \
	"${DEBIAN:-bookworm}" "$file"
