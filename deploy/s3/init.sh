#!/bin/sh
# Makes the users of the S3 gateway and the bucket they share, and gives them the rights of bucket-policy.json:
# scrape may read, write and delete blobs, index may read and delete them, query may read photos; nobody else has
# any right. Running it again brings an older bucket to these rights. Needs curl.
#
# Environment: ADMIN_ACCESS_KEY, ADMIN_SECRET_KEY, ADMIN_ENDPOINT_URL of the gateway;
# SCRAPE_SECRET_KEY, INDEX_SECRET_KEY, QUERY_SECRET_KEY for the users lineup-scrape, ...;
# BUCKET (lineup). ADMIN_ALLOW_INSECURE=true where its certificate cannot be checked.
set -eu
: "${ADMIN_ACCESS_KEY:?}" "${ADMIN_SECRET_KEY:?}" "${ADMIN_ENDPOINT_URL:?}"
bucket=${BUCKET:-lineup}
admin="${VERSITYGW:-versitygw} admin"

users=$($admin list-users)
user() {
	case $users in
	*"$1"*) $admin update-user --access "$1" --secret "$2" ;;
	*) $admin create-user --access "$1" --secret "$2" --role user ;;
	esac
}
user lineup-scrape "${SCRAPE_SECRET_KEY:?}"
user lineup-index "${INDEX_SECRET_KEY:?}"
user lineup-query "${QUERY_SECRET_KEY:?}"

case $($admin list-buckets) in
*"$bucket"*) ;;
*)
	$admin create-bucket --bucket "$bucket" --owner "$ADMIN_ACCESS_KEY" --object-ownership BucketOwnerEnforced
	;;
esac
policy=$(sed "s|arn:aws:s3:::lineup|arn:aws:s3:::$bucket|" "${POLICY:-$(dirname "$0")/bucket-policy.json}")
digest=$(printf %s "$policy" | sha256sum | cut -d ' ' -f 1)
[ "${ADMIN_ALLOW_INSECURE:-}" != true ] || insecure=--insecure
# curl reads the keys from a file, because every process can see arguments.
printf %s "$policy" | curl --fail-with-body --silent --show-error ${insecure:+"$insecure"} --aws-sigv4 aws:amz:us-east-1:s3 \
	--config /dev/fd/3 --header "x-amz-content-sha256: $digest" --header "Content-Type: application/json" \
	--request PUT --data-binary @- "$ADMIN_ENDPOINT_URL/$bucket?policy=" 3<<EOT
user = "$ADMIN_ACCESS_KEY:$ADMIN_SECRET_KEY"
EOT
