#!/usr/bin/env bash
# Runs the tests with what they need beside Python: PostgreSQL's server programs, curl and Chromium.
# tests/conftest.py clears keys and settings from the environment and closes the network.
set -euo pipefail
missing=()
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v curl >/dev/null || missing+=(curl)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
[ ${#missing[@]} = 0 ] || scripts/apt.sh "${missing[@]}"
# Two workers more than cores: most tests wait for a server, a disk or a clock rather than compute.
# tests/schedule.py says which worker runs what.
# A test that failed is run once more and listed: a starved machine may miss a deadline, a fault fails again.
exec .venv/bin/pytest -n "$(($(nproc) + 2))" --reruns 1 -r R "$@"
