#!/usr/bin/env bash
# Brings versions of Liquibase from Maven Central into .tools/liquibase/VERSION, checked by hash.
#   scripts/liquibase.sh VERSION...   `--write-hashes` first: take the hashes of what was brought
# liquibase-sessionlock goes to .tools/liquibase/sessionlock.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SUMS=testbed/maven/SHA256SUMS POM=testbed/maven/pom.xml TOOLS=.tools/liquibase

say() { printf 'setup: %s\n' "$*" >&2; }

copy_jars() { # DESTINATION MAVEN-OPTION...
  local destination=$PWD/$1
  shift
  mvn --batch-mode --quiet --file "$POM" dependency:copy-dependencies \
    "-DoutputDirectory=$destination" "$@" >&2
}

is_checked() { # FOLDER
  local sums
  sums=$(grep " $1/" "$SUMS" 2>/dev/null) || return 1
  [ -d "$TOOLS/$1" ] && (cd "$TOOLS" && sha256sum --check --quiet --strict <<<"$sums") &&
    [ "$(grep -c . <<<"$sums")" = "$(find "$TOOLS/$1" -name '*.jar' | wc -l)" ]
}

bring() { # FOLDER MAVEN-OPTION...
  local folder=$1
  if is_checked "$folder" 2>/dev/null; then return 0; fi
  say "downloading $folder of Liquibase from Maven Central into $TOOLS"
  rm -rf "${TOOLS:?}/$folder"
  copy_jars "$TOOLS/$folder" "${@:2}"
  [ -n "$write" ] || is_checked "$folder" || {
    say "$TOOLS/$folder is not what $SUMS says: it is not used"
    rm -rf "${TOOLS:?}/$folder"
    exit 2
  }
}

write=
if [ "${1:-}" = --write-hashes ]; then
  write=1
  shift
fi
mkdir -p "$TOOLS"
bring sessionlock -Dliquibase.version=4.33.0 -Psessionlock -DincludeGroupIds=com.github.blagerweij
for version in "$@"; do
  bring "$version" "-Dliquibase.version=$version"
done
[ -z "$write" ] || (cd "$TOOLS" && find . -name '*.jar' -printf '%P\n' | sort | xargs sha256sum) >"$SUMS"
