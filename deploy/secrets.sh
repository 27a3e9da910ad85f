#!/usr/bin/env bash
# Makes every secret that compose.yaml needs: a certificate authority, a certificate for each
# server, passwords, and an environment file for each role. Files that exist are kept.
#
#   deploy/secrets.sh [DIR]     default: deploy/secrets
set -euo pipefail
umask 077
dir=${1:-$(dirname "$0")/secrets}
mkdir -p "$dir"
cd "$dir"
command -v openssl >/dev/null || { echo "secrets: please install openssl" >&2; exit 1; }

# authority makes FILE.pem and FILE.key, which sign certificates, once.
authority() {
	[ -e "$1.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$2" \
		-keyout "$1.key" -out "$1.pem" 2>/dev/null
}

# certificate makes FILE.pem and FILE.key, signed by an authority for a use and names, once.
certificate() {
	[ -e "$1.pem" ] && return
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 825 -out "$1.pem" \
		-extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$4" "$3") 2>/dev/null
	rm "$1.csr"
}

authority ca "lineup authority"
nodes=DNS:nats-0.nats,DNS:nats-1.nats,DNS:nats-2.nats # kubernetes/
for server in nats s3 qdrant; do
	names="DNS:$server,DNS:$server.lineup.svc,DNS:localhost,IP:127.0.0.1"
	[ $server = nats ] && names="$names,$nodes"
	certificate $server ca serverAuth "$names"
done
# On a route each server is client and server. The routes have an authority of their own, so no other certificate may join.
authority route-ca "lineup routes authority"
certificate route route-ca serverAuth,clientAuth "$nodes,DNS:localhost,IP:127.0.0.1"

# secret prints the secret of a name, made on first use.
secret() {
	[ -e "password.$1" ] || openssl rand -hex 24 >"password.$1"
	cat "password.$1"
}

{
	echo 'LINEUP_STORE_DIR: "/data"'
	echo 'LINEUP_CERT_FILE: "/etc/nats-tls/nats.pem"'
	echo 'LINEUP_KEY_FILE: "/etc/nats-tls/nats.key"'
	echo 'LINEUP_CA_FILE: "/etc/nats-tls/ca.pem"'
	for role in admin scrape index query; do
		echo "${role^^}_PASSWORD: \"$(secret "nats-$role")\""
	done
} >secrets.conf
cat >routes.conf <<END
LINEUP_ROUTE_CERT_FILE: "/etc/nats-tls/route.pem"
LINEUP_ROUTE_KEY_FILE: "/etc/nats-tls/route.key"
LINEUP_ROUTE_CA_FILE: "/etc/nats-tls/route-ca.pem"
LINEUP_ROUTE_PASSWORD: "$(secret nats-route)"
END

cat >s3.env <<END
ROOT_ACCESS_KEY_ID=lineup-root
ROOT_SECRET_ACCESS_KEY=$(secret s3-root)
ADMIN_ACCESS_KEY=lineup-root
ADMIN_SECRET_KEY=$(secret s3-root)
SCRAPE_SECRET_KEY=$(secret s3-scrape)
INDEX_SECRET_KEY=$(secret s3-index)
QUERY_SECRET_KEY=$(secret s3-query)
END
echo "QDRANT__SERVICE__API_KEY=$(secret qdrant)" >qdrant.env
echo "QDRANT__SERVICE__READ_ONLY_API_KEY=$(secret qdrant-read)" >>qdrant.env

for role in admin scrape index query; do
	user=lineup-$role s3_secret="" qdrant=$(secret qdrant)
	case $role in
	admin) user=lineup-root s3_secret=$(secret s3-root) ;;
	query) s3_secret=$(secret s3-query) qdrant=$(secret qdrant-read) ;;
	*) s3_secret=$(secret "s3-$role") ;;
	esac
	cat >"$role.env" <<END
LINEUP_NATS_URL=tls://$role:$(secret "nats-$role")@nats:4222
LINEUP_S3_ACCESS_KEY=$user
LINEUP_S3_SECRET_KEY=$s3_secret
LINEUP_QDRANT_API_KEY=$qdrant
END
done
# Containers read these files as user 65532. The rest is read by compose and Docker, as the user who runs them.
chmod 0644 ca.pem nats.pem s3.pem qdrant.pem route-ca.pem route.pem
if [ "$(id -u)" = 0 ]; then
	chown 65532:65532 nats.key s3.key qdrant.key route.key secrets.conf routes.conf
else
	chmod 0644 nats.key s3.key qdrant.key route.key secrets.conf routes.conf
	echo "secrets: not root, so the servers' keys in $dir are readable by every user of this machine" >&2
fi
echo "secrets: made in $dir"
