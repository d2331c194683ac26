#!/usr/bin/env bash
# Check the workflows with actionlint.
# Its package on PyPI downloads a program while it is installed, and Debian has none: this uses the
# one in PATH, else builds the pinned version where Go is installed, else skips the check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VERSION=v1.7.12
readonly BUILT=$PWD/.tools/actionlint/$VERSION

build() {
  [ -x "$BUILT/actionlint" ] && return 0
  command -v go >/dev/null || return 1
  # Go verifies the source by its checksum database.
  GOBIN=$BUILT go install "github.com/rhysd/actionlint/cmd/actionlint@$VERSION" >/dev/null 2>&1
}

if actionlint=$(command -v actionlint); then
  exec "$actionlint"
elif build; then
  exec "$BUILT/actionlint"
fi
echo "actionlint is not installed: .github/workflows is not checked by it" >&2
