#!/usr/bin/env bash
# Prints a free port of 127.0.0.1 below the ephemeral range, so that the system does not hand it to another program.
set -euo pipefail
while port=$(shuf -i 20000-32000 -n 1); do
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
echo "$port"
