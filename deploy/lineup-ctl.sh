#!/bin/sh
# Runs a command of lineup over the data of a service, as its user and with its models and secrets:
#
#   lineup-ctl status
#   LINEUP_UNIT=lineup-query lineup-ctl doctor
set -eu
unit=${LINEUP_UNIT:-lineup}
case $unit in
lineup) secrets=/etc/lineup/environment ;;
lineup-scrape | lineup-index | lineup-query) secrets=/etc/lineup/${unit#lineup-}.environment ;;
*)
	echo "lineup-ctl: LINEUP_UNIT is $unit: give lineup, lineup-scrape, lineup-index or lineup-query" >&2
	exit 2
	;;
esac
[ "$#" -gt 0 ] || set -- --help
exec systemd-run --quiet --collect --pipe --wait --service-type=exec \
	-p DynamicUser=yes -p "User=$unit" -p "StateDirectory=$unit" -p StateDirectoryMode=0700 -p UMask=0077 -p "EnvironmentFile=-$secrets" \
	-E "LINEUP_DATA=/var/lib/$unit" -E "LINEUP_MODELS=/var/lib/$unit/models" -E LINEUP_CONFIG=/etc/lineup/lineup.yaml \
	"$(command -v lineup)" "$@"
