#!/bin/sh
# Makes the users of the S3 gateway and the bucket they share: scrape and index may read, write and
# delete blobs, query may read them, nobody else anything. May be run again.
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
	$admin create-bucket --bucket "$bucket" --owner "$ADMIN_ACCESS_KEY" --object-ownership BucketOwnerPreferred \
		--grant-read lineup-scrape,lineup-index,lineup-query --grant-write lineup-scrape,lineup-index
	;;
esac
