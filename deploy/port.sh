#!/usr/bin/env bash
# Prints a port of 127.0.0.1 at which nobody listens, below those that the system gives out itself.
set -euo pipefail
while port=$(shuf -i 20000-32000 -n 1); do
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
done
echo "$port"
