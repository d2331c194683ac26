#!/usr/bin/env bash
# Install what `make demo` and `make test` need; what is already installed stays as it is.
#   scripts/setup.sh [GROUP...]   GROUP: a set of programs in testbed/programs.py in addition to
#                                 "stack", or "servers", "matrix": PostgreSQL of other majors;
#                                 "maven", "liquibase": three or all versions of Liquibase;
#                                 "browser" also installs the accessibility checker, "test" Grafana's types
# PYTHON=python3.14 chooses the interpreter of .venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# A stamp holds the hash of everything that its result was made from, and of the path, because .venv
# contains it.
hash_of() { { pwd; cat "$@"; } | sha256sum | cut -d ' ' -f 1; }
is_current() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3.14 python3.15 python3}; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# --- Debian packages -------------------------------------------------------------------------

readonly POLICY=/usr/sbin/policy-rc.d
installed_packages() { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii *//p' | sort; }

# Packages enable their services at boot; the tests start their own servers and need none of these.
disable_services_of() {
  command -v systemctl >/dev/null || return 0
  local package unit
  for package in "$@"; do
    while read -r unit; do
      as_root systemctl disable --quiet "$unit" 2>/dev/null || say "could not disable $unit"
    done < <(dpkg -L "$package" | sed -nE 's,^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer))$,\2,p')
  done
}

# The output is thousands of lines on a fresh machine: show it only after a failure.
apt_get() {
  local output
  output=$(as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get --quiet -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" 2>&1) && return 0
  printf '%s\n' "$output" >&2
  fail "apt-get $1 failed, see above"
}

# Runs in a subshell, so that the trap ends with it.
install_packages() (
  command -v apt-get >/dev/null || fail "this machine has no apt-get; install the programs of these Debian packages, then run 'make setup' again: $*"
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "neither root nor sudo; ask an administrator to install: $*"
  before=$(installed_packages)
  say "installing Debian packages (minutes, when there are many): $*"
  apt_get update
  # Debian runs this program before it starts a service; exit code 101 forbids the start. An existing
  # one is kept.
  if [ ! -e "$POLICY" ]; then
    trap 'as_root rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  apt_get install --yes --no-install-recommends --no-upgrade --no-remove "$@"
  mapfile -t added < <(comm -13 <(echo "$before") <(installed_packages))
  disable_services_of "${added[@]}"
)

install_programs() {
  local missing packages
  missing=$("$python" -m testbed.programs "$@")
  [ -n "$missing" ] || return 0
  mapfile -t packages <<<"$missing"
  install_packages "${packages[@]}"
  missing=$("$python" -m testbed.programs "$@")
  [ -z "$missing" ] || fail "installed, but their programs are not found: $missing"
}

# --- in the project's folder ------------------------------------------------------

make_venv() {
  local stamp=.venv/.locked hash
  hash=$(hash_of requirements/dev.lock <("$python" --version))
  if is_current "$stamp" "$hash" && .venv/bin/python -c '' 2>/dev/null; then return 0; fi
  say "making .venv with $python"
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
  echo "$hash" >"$stamp"
}

install_project() {
  local stamp=.venv/.project hash
  hash=$(hash_of pyproject.toml)
  if is_current "$stamp" "$hash"; then return 0; fi
  say "installing pg-migration-exporter into .venv"
  .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$hash" >"$stamp"
}

# install_node_packages FOLDER DESTINATION WHAT: what FOLDER/package-lock.json pins, without scripts.
install_node_packages() {
  local stamp=$2/.locked hash
  hash=$(hash_of "$1/package.json" "$1/package-lock.json")
  if is_current "$stamp" "$hash"; then return 0; fi
  say "downloading $3 into $2"
  mkdir -p "$2"
  cp "$1/package.json" "$1/package-lock.json" "$2/"
  npm ci --prefix "$2" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
  link_libraries "$2"
  echo "$hash" >"$stamp"
}

# An npm package cannot contain symbolic links; the script of each PostgreSQL package creates them.
link_libraries() {
  local script
  for script in "$1"/node_modules/postgresql-*/scripts/hydrate-symlinks.js; do
    [ ! -e "$script" ] || (cd "$(dirname "$script")/.." && node scripts/hydrate-symlinks.js)
  done
}

python=$(find_python) || {
  install_packages python3 python3-venv
  python=$(find_python) || fail "Python 3.11 or newer with its venv module is needed, and Debian's python3 is older"
}
install_programs stack "$@"
make_venv
install_project
install_node_packages demo .tools "Liquibase (120 MB)"
case " $* " in
*" servers "*) install_node_packages tests/servers .tools/servers "PostgreSQL 13, 14 and 18 (70 MB)" ;;
esac
case " $* " in
*" matrix "*) install_node_packages tests/servers/matrix .tools/matrix "PostgreSQL 15, 16 and 17 (70 MB)" ;;
esac
case " $* " in
*" browser "*) install_node_packages tests/browser .tools/browser "axe-core (3 MB)" ;;
esac
case " $* " in
*" test "*) install_node_packages tests/bundle/grafana .tools/grafana "Grafana's types (30 MB)" ;;
esac
case " $* " in
*" liquibase "*) scripts/liquibase.sh 4.20.0 4.24.0 4.27.0 4.29.2 4.33.0 5.0.1 ;;
*" maven "*) scripts/liquibase.sh 4.20.0 4.27.0 5.0.1 ;;
esac
