#!/usr/bin/env bash
# Makes .venv and installs a hashed lock file plus Souk itself into it: scripts/venv.sh requirements.lock
set -euo pipefail
lock=$1
python=${PYTHON:-python3}

say() { echo "souk: $*" >&2; }

command -v "$python" >/dev/null || { say "Python 3.11 or newer is needed; $python was not found"; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "Python 3.11 or newer is needed; $("$python" --version) was found (set PYTHON to another)"
    exit 1
}

# Debian ships Python without ensurepip until python3-venv is installed.
if [ ! -x .venv/bin/pip ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    scripts/apt.sh python3-venv
fi
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv

pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"; }
pip install --require-hashes -r "$lock"
# The build tool comes from the lock too, so nothing unpinned is fetched.
pip install --no-deps --no-build-isolation -e .
