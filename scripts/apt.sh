#!/usr/bin/env bash
# Installs Debian packages when run as root, else says which ones are missing: scripts/apt.sh PACKAGE...
set -euo pipefail
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "souk: please install: $* (on Debian: sudo apt-get install $*)" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
