#!/bin/sh
# The library on Node >= 24: the machine's own, or the one that test/node/package-lock.json names.
set -eu
here=$(dirname "$0")

new_enough() {
  "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' 2>/dev/null
}

installed() {
  for candidate in "$here"/node_modules/node-linux-*/bin/node; do
    if [ -x "$candidate" ] && new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
}

node=$(command -v node || true)
if [ -z "$node" ] || ! new_enough "$node"; then
  node=$(installed)
  if [ -z "$node" ]; then
    (cd "$here" && npm ci --no-audit --no-fund --loglevel=error) || true
    node=$(installed)
  fi
fi
if [ -z "$node" ]; then
  echo "no Node >= 24 here, and npm could not install one"
  exit 77
fi
"$node" "$here/smoke.ts"
