#!/usr/bin/env bash
# Tries the packages of a release the way a new user does: release-test.sh DIST [DIST_OF_THE_RELEASE_BEFORE]
#
# In a clean root of Debian 12 and one of 13: installed, its files and licences looked at, doctor asked, the demo crawled and searched by
# name and by face, upgraded from the release before (the same program under a lower version without one), a changed configuration kept,
# refused by a processor without AVX2, removed without a trace of the program and with the data kept; then the package for older processors
# takes its place and answers too. The rpms hold the same files; one is installed and removed by rpm in the last root. The container image
# is unpacked by its layers, no larger than it may be, and starts as its user. Bills of materials, sums and a signature are checked. Needs
# root.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${1:?usage: release-test.sh DIST [DIST_OF_THE_RELEASE_BEFORE]}
before=${2:-}
work=$(mktemp -d)
models=${LINEUP_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/lineup/models}
# Unpacked size of Debian's slim base, and how much the image may add to it, without models: MB.
slim=75 most=150
api=127.0.0.1:$(deploy/port.sh) private=127.0.0.1:$(deploy/port.sh) site=127.0.0.1:$(deploy/port.sh)
root=
demo=
unmount() {
	local place
	for place in proc/cpuinfo proc models; do
		if mountpoint -q "$root/$place"; then umount "$root/$place"; fi
	done
}
clean() {
	[ -z "$demo" ] || kill "$demo" 2>/dev/null || true
	[ -z "$root" ] || unmount
	rm -rf --one-file-system "$work"
}
trap clean EXIT
fail() { echo "release-test: $*" >&2; exit 1; }

inside=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LINEUP_MODELS=/models)
in_root() { chroot "$root" "${inside[@]}" "$@"; }

# answers crawls the made-up registry in $root and searches it: answers NAME
answers() {
	local started
	started=$(date +%s)
	chroot "$root" "${inside[@]}" lineup demo --data /var/lib/lineup --listen "$api" --sample "$site" >"$work/demo.log" 2>&1 &
	demo=$! # not by in_root: its process would not be killed
	deploy/answers.sh "$api" "$demo" "$work/demo.log" 600 || { cat "$work/demo.log" >&2; fail "$1: the demo does not answer"; }
	echo "release-test: $1: from lineup demo to a search by name and one by face in $(($(date +%s) - started)) s"
	kill "$demo"
	wait "$demo" || true
	demo=
	in_root lineup doctor --data /var/lib/lineup >"$work/said" || { cat "$work/said" >&2; fail "$1: doctor is not content"; }
	grep -q '^ok *processor' "$work/said" || fail "$1: doctor says nothing of the processor"
}

# holds checks the files installed below $root: holds NAME
holds() {
	local file unit
	for file in /usr/bin/lineup /usr/bin/lineup-ctl /etc/lineup/lineup.yaml /usr/share/bash-completion/completions/lineup \
		/usr/share/zsh/site-functions/_lineup /usr/share/fish/vendor_completions.d/lineup.fish \
		/usr/share/doc/lineup/{LICENSE,NOTICE,CHANGELOG.md,README.md,SECURITY.md} /usr/share/doc/lineup/licenses/{go-modules,libraries}.txt; do
		[ -s "$root$file" ] || fail "$1: $file is missing"
	done
	for unit in deploy/systemd/*; do
		file=$root/usr/lib/systemd/system/$(basename "$unit")
		[ -s "$file" ] || fail "$1: ${file#"$root"} is missing"
		case $unit in
		*.service)
			grep -q '^DynamicUser=yes' "$file" || fail "$1: $(basename "$unit") runs as no user of its own"
			[ -x "$root$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$file")" ] || fail "$1: $(basename "$unit") starts a program that is not there"
			;;
		esac
	done
	in_root lineup manual /tmp/manual
	for file in "$root"/tmp/manual/*; do
		cmp -s "$file" "$root/usr/share/man/man1/$(basename "$file")" || fail "$1: $(basename "$file") is not the manual page of the program"
	done
	rm -r "$root/tmp/manual"
}

# is checks which version runs in $root: is NAME
is() {
	in_root lineup --version >"$work/said"
	grep -q "^lineup $version" "$work/said" || fail "$1: $(head -1 "$work/said"), want $version"
}

# bare fails if anything of the program is left in $root: bare NAME
bare() {
	local left
	left=$(find "$root" -xdev -iname '*lineup*' -not -path "$root/var/lib/lineup*" -not -path "$root/proc/*" -not -path "$root/packages/*")
	[ -z "$left" ] || fail "$1: removed, and these stay: $left"
	[ -n "$(ls "$root/var/lib/lineup" 2>/dev/null)" ] || fail "$1: removing took the data"
}

deb=$(ls "$dist"/lineup_*_amd64.deb)
old_processors=$(ls "$dist"/lineup-x86-64-v2_*_amd64.deb 2>/dev/null || true)
version=$(dpkg-deb -f "$deb" Version)
if [ -n "$before" ]; then
	older=$(ls "$before"/lineup_*_amd64.deb)
else
	# The same files under a lower version.
	dpkg-deb -R "$deb" "$work/older"
	sed -i 's/^Version: .*/Version: 0.0.0/' "$work/older/DEBIAN/control"
	older=$work/older.deb
	dpkg-deb -Zgzip -z1 -b "$work/older" "$older" >/dev/null
fi

for one in "$deb" ${old_processors:+"$old_processors"}; do
	rm -rf "$work/rpm" "$work/deb"
	mkdir "$work/rpm" "$work/deb"
	rpm2cpio "${one%_amd64.deb}_amd64.rpm" | (cd "$work/rpm" && cpio -idm --quiet)
	dpkg-deb -x "$one" "$work/deb"
	diff -r "$work/rpm" "$work/deb" >/dev/null || fail "the rpm and $(basename "$one") hold different files"
	rpm -qp --requires "${one%_amd64.deb}_amd64.rpm" 2>/dev/null | grep -qx 'glibc >= 2.36' || fail "the rpm does not ask for glibc 2.36"
	jq -e '.bomFormat == "CycloneDX" and (.components | length > 50) and
		([.components[].name] | contains(["stdlib", "libdlib-dev", "libopenblas"]))' "${one%.deb}.cdx.json" >/dev/null ||
		fail "the bill of materials of $(basename "$one") lacks something"
done

for debian in bookworm trixie; do
	root=$work/$debian
	echo "release-test: making a root of Debian's $debian"
	mmdebstrap --quiet --variant=minbase --include=ca-certificates "$debian" "$root"
	mkdir -p "$root/models" "$root/packages"
	mount --bind "$models" "$root/models"
	mount -t proc proc "$root/proc"
	cp "$deb" "$root/packages/new.deb"
	cp "$older" "$root/packages/old.deb"

	# A processor without AVX2 is told before anything is installed.
	sed 's/ avx2//' /proc/cpuinfo >"$work/cpuinfo"
	mount --bind "$work/cpuinfo" "$root/proc/cpuinfo"
	if in_root dpkg -i /packages/new.deb >"$work/said" 2>&1; then fail "$debian: installed where AVX2 is missing"; fi
	grep -q 'Install lineup-x86-64-v2 instead' "$work/said" || fail "$debian: where AVX2 is missing: $(cat "$work/said")"
	umount "$root/proc/cpuinfo"
	in_root dpkg -P lineup >/dev/null 2>&1

	started=$(date +%s%N)
	in_root dpkg -i /packages/old.deb >/dev/null
	echo "release-test: $debian: installed in $((($(date +%s%N) - started) / 1000000)) ms"
	in_root lineup version >/dev/null
	echo "# the operator's own line" >>"$root/etc/lineup/lineup.yaml"
	in_root dpkg -i /packages/new.deb >/dev/null
	grep -q "operator's own" "$root/etc/lineup/lineup.yaml" || fail "$debian: the upgrade overwrote the configuration"
	is "$debian"
	holds "$debian"
	in_root lineup version --licenses >"$work/said"
	grep -qi 'boost software license' "$work/said" || fail "$debian: dlib's licence is not told"
	in_root lineup config --config /etc/lineup/lineup.yaml >/dev/null
	answers "$debian"

	in_root dpkg -r lineup >/dev/null
	[ -e "$root/etc/lineup/lineup.yaml" ] || fail "$debian: removing took the configuration"
	in_root dpkg -P lineup >/dev/null 2>&1
	bare "$debian"
	if [ -n "$old_processors" ]; then
		cp "$old_processors" "$root/packages/v2.deb"
		mount --bind "$work/cpuinfo" "$root/proc/cpuinfo"
		in_root dpkg -i /packages/v2.deb >/dev/null
		umount "$root/proc/cpuinfo"
		is "$debian, for older processors"
		holds "$debian, for older processors"
		answers "$debian, for older processors"
		in_root dpkg -P lineup-x86-64-v2 >/dev/null 2>&1
		bare "$debian, for older processors"
	fi
	if [ "$debian" = trixie ]; then
		# By rpm itself, with its scripts; what it asks for is in this root under dpkg's names.
		rpm --root "$root" --initdb
		rpm --root "$root" --force-debian -i --nodeps --nosignature "${deb%_amd64.deb}_amd64.rpm"
		is "by rpm"
		holds "by rpm"
		echo "# the operator's own line" >>"$root/etc/lineup/lineup.yaml"
		rpm --root "$root" --force-debian -e --nodeps lineup
		[ -e "$root/etc/lineup/lineup.yaml.rpmsave" ] || fail "by rpm: removing took the changed configuration"
		rm -r "$root/etc/lineup"
		bare "by rpm"
	fi
	unmount
	rm -rf --one-file-system "$root"
	root=
done

image=$(ls "$dist"/lineup_*.image.tar 2>/dev/null || true)
if [ -n "$image" ]; then
	root=$work/image
	mkdir "$root" "$work/layers"
	tar -xf "$image" -C "$work/layers"
	grep -q '"imageLayoutVersion"' "$work/layers/oci-layout" || fail "the image is no OCI layout"
	for layer in $(jq -r '.[0].Layers[]' "$work/layers/manifest.json"); do tar -xf "$work/layers/$layer" -C "$root"; done
	[ -s "$root/usr/share/doc/lineup/NOTICE" ] || fail "the image: no NOTICE"
	[ "$(find "$root/models" -name '*.dat' | wc -l)" -ge 3 ] || fail "the image: no models"
	size=$(du -sm --apparent-size --exclude="$root/models" "$root" | cut -f1)
	[ "$size" -le $((slim + most)) ] || fail "the image: $size MB unpacked, models apart; $most on top of $slim are the most"
	mkdir -p "$root/proc"
	mount -t proc proc "$root/proc"
	jq -r '.config | .User, .WorkingDir, (.Env | join(" "))' "$work/layers/$(jq -r '.[0].Config' "$work/layers/manifest.json")" >"$work/said"
	{ read -r user; read -r dir; read -r settings; } <"$work/said"
	# shellcheck disable=SC2086 # the settings are several
	chroot --userspec="$user" "$root" env -i -C "$dir" $settings LINEUP_LISTEN="$api" LINEUP_PRIVATE="$private" \
		lineup up >"$work/image.log" 2>&1 &
	demo=$!
	for _ in $(seq 240); do
		if curl -fsS "http://$private/healthz" >/dev/null 2>&1; then break; fi
		kill -0 "$demo" 2>/dev/null || { cat "$work/image.log" >&2; fail "the image: lineup up ended"; }
		sleep 0.5
	done
	curl -fsS "http://$api/" >/dev/null || { cat "$work/image.log" >&2; fail "the image: no page"; }
	kill "$demo"
	wait "$demo" || fail "the image: lineup up did not end well"
	demo=
	unmount
	rm -rf --one-file-system "$root"
	root=
	echo "release-test: the image, $size MB unpacked and the models, starts as $user"
fi

if [ -e "$dist/SHA256SUMS" ]; then
	(cd "$dist" && sha256sum --quiet -c SHA256SUMS)
	# Signed as make release does with KEY, and verified by minisign itself.
	mkdir "$work/signed"
	cp "$dist"/*.cdx.json "$work/signed/"
	printf 'invented\ninvented\n' | minisign -G -p "$work/minisign.pub" -s "$work/minisign.key" >"$work/said" 2>&1 ||
		{ cat "$work/said" >&2; fail "minisign makes no key"; }
	MINISIGN_PASSWORD=invented build/release/release --out "$work/signed" --sums --key "$work/minisign.key"
	minisign -V -q -p "$work/minisign.pub" -m "$work/signed/SHA256SUMS" || fail "minisign does not take the signature"
	echo >>"$work/signed/SHA256SUMS"
	if minisign -V -q -p "$work/minisign.pub" -m "$work/signed/SHA256SUMS" 2>/dev/null; then fail "minisign takes changed sums"; fi
fi
echo "release-test: the packages of $version are as they should be"
