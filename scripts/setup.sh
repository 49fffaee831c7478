#!/bin/sh
# Installs exactly what package-lock.json names, and makes sure that node_modules/.bin/bun is a real Bun.
set -eu

say() { printf '%s\n' "$*" >&2; }

need() {
  command -v "$1" >/dev/null 2>&1 && return
  say "Sampan needs $1. $2"
  exit 1
}

works() { [ "$("$1" --version 2>/dev/null)" = "$wanted" ]; }

# npm 11 warns about, and later versions refuse, install scripts that were not approved; bun's npm package then holds a
# stub. The binary itself is in a package of its own, of which npm installs those that fit the platform.
link_bun() {
  for candidate in node_modules/@oven/bun-linux-*/bin/bun; do
    if [ -x "$candidate" ] && works "$candidate"; then
      for name in bun bunx; do
        ln -f "$candidate" "node_modules/bun/bin/$name.exe" 2>/dev/null ||
          cp -f "$candidate" "node_modules/bun/bin/$name.exe"
      done
      return
    fi
  done
}

need node "On Debian: apt-get install nodejs npm (Node 20 or newer)."
need npm "On Debian: apt-get install npm."
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; then
  say "Sampan needs Node 20 or newer; $(command -v node) is $(node --version)."
  exit 1
fi

say "installing development packages …"
npm ci --no-audit --no-fund --loglevel=error
wanted=$(node -p 'require("./package.json").devDependencies.bun')
works node_modules/.bin/bun || link_bun
if ! works node_modules/.bin/bun; then
  say "node_modules/.bin/bun does not run as Bun $wanted on $(uname -sm)."
  say "Bun's binary for this platform should be in node_modules/@oven: $(ls node_modules/@oven 2>/dev/null || echo nothing there)."
  exit 1
fi
