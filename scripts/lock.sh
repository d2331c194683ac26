#!/usr/bin/env bash
# Write the pinned versions with their hashes: scripts/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock() {
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
    --generate-hashes --no-header --no-annotate "$@" >/dev/null
}

lock "$@" pyproject.toml --group dev --output-file requirements/dev.lock
# The development versions constrain the others: the tests run with the versions that users get.
lock "$@" pyproject.toml --constraint requirements/dev.lock --output-file requirements/runtime.lock
lock "$@" --group build --constraint requirements/dev.lock --output-file requirements/build.lock
