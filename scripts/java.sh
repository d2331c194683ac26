#!/usr/bin/env bash
# Builds java/, the reporter for embedded Liquibase, into java/target.
#   scripts/java.sh [spring]   `spring`: also the application of its tests, into .tools/spring
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

is_current() { # JAR SOURCE...
  [ -e "$1" ] && [ -z "$(find "${@:2}" -newer "$1" -print -quit)" ]
}

build() { # JAR FOLDER
  if is_current "$1" "$2/pom.xml" "$2/src"; then return 0; fi
  echo "setup: building $1 with Maven" >&2
  mvn --batch-mode --quiet --file "$2/pom.xml" package >&2
}

build java/target/liquibase-pg-migration-reporter.jar java
case " $* " in
*" spring "*) build .tools/spring/application.jar tests/fixtures/spring ;;
esac
