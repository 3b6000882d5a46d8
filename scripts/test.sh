#!/usr/bin/env bash
# Runs the tests with what they need beside Python: PostgreSQL's server programs and curl.
# tests/conftest.py clears keys and settings from the environment and closes the network.
set -euo pipefail
missing=()
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v curl >/dev/null || missing+=(curl)
[ ${#missing[@]} = 0 ] || scripts/apt.sh "${missing[@]}"
# One worker more than cores: many tests wait for a server or a disk rather than compute.
exec .venv/bin/pytest -n "$(($(nproc) + 1))" "$@"
