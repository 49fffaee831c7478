#!/bin/sh
# build-executor.sh OUTPUT: compiles native/*.c to one small static executable, with musl where it is installed.
set -eu

output=$1
warnings="-Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say() { printf '%s\n' "$*" >&2; }

# What the executor needs of a tool chain: the kernel's headers and a C library that links statically.
cat >"$scratch/probe.c" <<'EOF'
#include <linux/sched.h>
#include <stdio.h>
int main(void) { return puts("") == EOF || CLONE_NEWTIME == 0; }
EOF

works() { "$@" -static "$scratch/probe.c" -o "$scratch/probe" 2>"$scratch/errors"; }

try_musl() {
  command -v musl-gcc >/dev/null 2>&1 || return 1
  # musl-gcc hides /usr/include; the kernel's headers are looked for there after musl's own.
  multiarch=$(cc -print-multiarch 2>/dev/null || gcc -print-multiarch 2>/dev/null || true)
  set -- musl-gcc -idirafter /usr/include ${multiarch:+-idirafter "/usr/include/$multiarch"}
  works "$@" || return 1
  compiler="$*"
}

try_cc() {
  command -v "${CC:-cc}" >/dev/null 2>&1 || return 1
  works "${CC:-cc}" || return 1
  compiler=${CC:-cc}
}

if ! try_musl && ! try_cc; then
  if command -v "${CC:-cc}" >/dev/null 2>&1; then
    say "The C compiler ${CC:-cc} cannot build a static program here:"
    sed 's/^/  /' "$scratch/errors" >&2
    say "Install a static C library and the kernel headers: apt-get install libc6-dev (or musl-tools for a smaller executor)."
  else
    say "Building the executor needs a C compiler. Install one: apt-get install gcc libc6-dev (and musl-tools for a smaller executor)."
  fi
  exit 1
fi

mkdir -p "$(dirname "$output")"
# shellcheck disable=SC2086 # lists of flags
$compiler -static -s -std=gnu11 -O2 $warnings native/*.c -o "$scratch/executor"
# A new file beside it and a rename: a container that runs the old one keeps it.
cp "$scratch/executor" "$output.new"
mv -f "$output.new" "$output"
say "built $output ($(wc -c <"$output") bytes, ${compiler%% *} -static)"
