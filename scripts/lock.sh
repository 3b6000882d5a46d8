#!/usr/bin/env bash
# Writes requirements.lock and requirements-dev.lock afresh from pyproject.toml; pass --upgrade to take newer versions.
set -euo pipefail
# A local wheel folder or extra index would leave out the hashes of other platforms.
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL
export PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND='make lock'

compile() {
    .venv/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --all-build-deps \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host "$@" pyproject.toml
}
compile --output-file requirements.lock "$@"
compile --extra dev --constraint requirements.lock --output-file requirements-dev.lock "$@"
