#!/usr/bin/env bash
# Makes everything secret that compose.yaml needs, once: a certificate authority, a certificate
# of each server, passwords, and one environment file a role. What is there is kept.
#
#   deploy/secrets.sh [DIR]     default: deploy/secrets
set -euo pipefail
umask 077
dir=${1:-$(dirname "$0")/secrets}
mkdir -p "$dir"
cd "$dir"
command -v openssl >/dev/null || { echo "secrets: please install openssl" >&2; exit 1; }

if [ ! -e ca.pem ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=lineup authority" \
		-keyout ca.key -out ca.pem 2>/dev/null
fi
for server in nats s3 qdrant; do
	[ -e $server.pem ] && continue
	names="DNS:$server,DNS:$server.lineup.svc,DNS:localhost,IP:127.0.0.1"
	[ $server = nats ] && names="$names,DNS:nats-0.nats,DNS:nats-1.nats,DNS:nats-2.nats" # kubernetes/
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$server" -keyout $server.key -out $server.csr 2>/dev/null
	openssl x509 -req -in $server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 -out $server.pem \
		-extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names") 2>/dev/null
	rm $server.csr
done

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
# Containers read these as user 65532; compose and Docker read the rest as you.
chmod 0644 ca.pem nats.pem s3.pem qdrant.pem
if [ "$(id -u)" = 0 ]; then
	chown 65532:65532 nats.key s3.key qdrant.key secrets.conf
else
	chmod 0644 nats.key s3.key qdrant.key secrets.conf
	echo "secrets: not root, so the servers' keys in $dir are readable by every user of this machine" >&2
fi
echo "secrets: made in $dir"
