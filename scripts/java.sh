#!/usr/bin/env bash
# Builds java/, the reporter for embedded Liquibase, into java/target.
#   scripts/java.sh [spring]   `spring`: also the application of its tests, into .tools/spring
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build() { # JAR FOLDER
  local hash
  hash=$(find "$2/pom.xml" "$2/src" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  if [ -e "$1" ] && [ "$hash" = "$(cat "$1.built" 2>/dev/null)" ]; then return 0; fi
  echo "setup: building $1 with Maven" >&2
  mvn --batch-mode --quiet --file "$2/pom.xml" package >&2
  echo "$hash" >"$1.built"
}

build java/target/liquibase-pg-migration-reporter.jar java
case " $* " in
*" spring "*) build .tools/spring/application.jar tests/fixtures/spring ;;
esac
