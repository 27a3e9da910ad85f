#!/usr/bin/env bash
# Builds every target of the Containerfile with buildah, asking no registry and no daemon, and starts what came out:
#
#   deploy/images.sh [TARGET...]
#
# The base images are made here of Debian's packages (mmdebstrap) and of the Go that runs this. The targets are started with what
# compose.yaml gives them, in a network of their own: NATS until it is healthy; the S3 gateway, where s3-init makes users and bucket;
# the program with models and without, whose `lineup prepare` makes streams and buckets in both where they run, and whose `lineup up`
# gets ready and ends on a signal. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
file=deploy/Containerfile
export BUILDAH_ISOLATION=chroot
fail() { echo "images: $*" >&2; exit 1; }
argument() { sed -n "s/^ARG $1=//p" "$file" | head -1; }
# Of these stages others are made, and nothing is started.
inner=" build models engines base "
if [ "$#" = 0 ]; then
	mapfile -t all < <(sed -n 's/^FROM .* AS \([a-z0-9-]*\)$/\1/p' "$file")
	for target in "${all[@]}"; do [[ $inner == *" $target "* ]] || set -- "$@" "$target"; done
fi

if [ -z "${IMAGES_ARE_BUILT:-}" ]; then
	debian=$(argument DEBIAN) cache=$PWD/build/images/go-build
	mkdir -p "$cache"
	# base NAME PACKAGES [go] makes a base image of that name, once.
	base() {
		local made place
		if buildah inspect --type image "$1" >/dev/null 2>&1; then return; fi
		echo "images: making $1"
		made=$(buildah from scratch)
		place=$(buildah mount "$made")
		mmdebstrap --quiet --variant=minbase --include="$2" "$debian" - | tar -x -C "$place"
		if [ -n "${3:-}" ]; then
			cp -a "$(go env GOROOT)" "$place/usr/local/go"
			cp -L /etc/ssl/certs/ca-certificates.crt "$place/etc/ssl/certs/" # a proxy of this machine may have its own
			buildah config --env PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin --env GOPATH=/go --env GOTOOLCHAIN=local \
				--env "GOPROXY=$(go env GOPROXY)" --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$made"
		fi
		buildah commit -q --rm "$made" "$1" >/dev/null
	}
	base "docker.io/library/debian:$debian-slim" apt
	# pip is a way to the models where dlib's own site is not reached.
	base "docker.io/library/golang:$(argument GO_VERSION)-$debian" apt,ca-certificates,g++,gcc,git,libc6-dev,make,pkg-config,python3-pip go
	for target; do
		began=$SECONDS
		# What one target compiled or fetched the next one need not.
		buildah build --quiet --pull-never --file "$file" --target "$target" --tag "localhost/lineup-test:$target" \
			--volume "$cache:/root/.cache/go-build" --volume "$(go env GOMODCACHE):/go/pkg/mod" . >/dev/null
		echo "images: $target is built in $((SECONDS - began)) s"
	done
	IMAGES_ARE_BUILT=1 unshare --net --mount "$0" "$@" # its mounts go when it ends
	exit
fi

ip link set lo up
work=$(mktemp -d)
containers=() roots=()
declare -A running=()
clean() {
	local one
	for one in "${running[@]}"; do kill "$one" 2>/dev/null || true; done
	wait
	for one in "${roots[@]}"; do umount -R -l "$one/dev" "$one/proc" || true; done
	for one in "${containers[@]}"; do buildah rm "$one" >/dev/null 2>&1 || true; done
	rm -rf "$work"
}
trap clean EXIT
deploy/secrets.sh "$work/secrets"
models=${LINEUP_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/lineup/models}

# unpack TARGET makes $root of an image, and $command and $settings of what it says.
unpack() {
	local container said
	container=$(buildah from --pull-never "localhost/lineup-test:$1")
	containers+=("$container")
	root=$(buildah mount "$container")
	roots+=("$root")
	mount --rbind /dev "$root/dev"
	mount -t proc proc "$root/proc"
	echo "127.0.0.1 localhost nats s3" >"$root/etc/hosts"
	said=$(buildah inspect --type image "localhost/lineup-test:$1")
	mapfile -t command < <(jq -r '.OCIv1.config | (.Entrypoint + .Cmd)[]' <<<"$said")
	mapfile -t settings < <(jq -r '.OCIv1.config.Env[]' <<<"$said")
	user=$(jq -r .OCIv1.config.User <<<"$said")
	[ "$user" = 65532:65532 ] || fail "$1 runs as $user"
}
# inside COMMAND... runs it in $root as the image's user.
inside() { exec chroot --userspec="$user" "$root" env -i "${settings[@]}" "$@"; }
# start NAME SETTINGS... starts the image's own command.
start() {
	(settings+=("${@:2}"); inside "${command[@]}") >"$work/$1.log" 2>&1 &
	running[$1]=$!
}
# until NAME COMMAND... waits until a command in $root succeeds, as long as NAME runs.
until_well() {
	local name=$1
	shift
	for _ in $(seq 600); do
		if (inside "$@") >/dev/null 2>&1; then return; fi
		kill -0 "${running[$name]}" 2>/dev/null || break
		sleep 0.5
	done
	cat "$work/$name.log" >&2
	fail "$name: $* does not succeed"
}
# ends NAME says whether it ends well on a signal.
ends() {
	kill "${running[$1]}"
	wait "${running[$1]}" || { cat "$work/$1.log" >&2; fail "$1 does not end well"; }
	unset "running[$1]"
}

for target; do
	unpack "$target"
	case $target in
	nats)
		install -d "$root/etc/nats" "$root/etc/nats-tls"
		cp deploy/nats/{single,lineup}.conf "$work/secrets/secrets.conf" "$root/etc/nats/"
		cp "$work"/secrets/{ca.pem,nats.pem,nats.key} "$root/etc/nats-tls/"
		chown 65532 "$root/etc/nats/secrets.conf" "$root/etc/nats-tls/nats.key"
		start nats
		until_well nats /usr/local/bin/healthy 127.0.0.1:8222 /healthz
		;;
	s3)
		install -d "$root/etc/s3"
		cp "$work"/secrets/s3.{pem,key} "$root/etc/s3/"
		chown 65532 "$root/etc/s3/s3.key"
		mapfile -t secret <"$work/secrets/s3.env"
		start s3 "${secret[@]}" VGW_PORT=:7070 VGW_CERT=/etc/s3/s3.pem VGW_KEY=/etc/s3/s3.key VGW_QUIET=true
		until_well s3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7070'
		(inside "${secret[@]}" ADMIN_ENDPOINT_URL=https://s3:7070 ADMIN_ALLOW_INSECURE=true /usr/local/bin/s3-init) >"$work/said" 2>&1 ||
			{ cat "$work/said" >&2; fail "s3-init failed"; }
		;;
	lineup | lineup-bare)
		if [ "$target" = lineup-bare ]; then
			install -d "$root/models"
			mount --bind "$models" "$root/models"
		fi
		if [ -n "${running[nats]:-}" ] && [ -n "${running[s3]:-}" ]; then
			install -D -m 0644 "$work/secrets/ca.pem" "$root/etc/lineup/ca.pem"
			mapfile -t secret <"$work/secrets/admin.env"
			(inside "${secret[@]}" LINEUP_QDRANT_API_KEY= LINEUP_NATS_CA=/etc/lineup/ca.pem LINEUP_NATS_REPLICAS=1 \
				LINEUP_S3_ENDPOINT=https://s3:7070 LINEUP_S3_BUCKET=lineup LINEUP_S3_CA=/etc/lineup/ca.pem LINEUP_S3_LOOKUP=path \
				"${command[0]}" prepare) >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "$target: lineup prepare failed"; }
			grep -qE '^ok +blobs' "$work/said" || { cat "$work/said" >&2; fail "$target: lineup prepare reaches no bucket"; }
		fi
		start "$target"
		until_well "$target" /usr/local/bin/healthy 127.0.0.1:9090 /readyz
		ends "$target"
		;;
	*) fail "nothing here says how $target is started" ;;
	esac
	echo "images: $target starts"
done
for name in "${!running[@]}"; do ends "$name"; done
echo "images: $* are as they should be"
