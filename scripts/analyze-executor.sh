#!/bin/sh
# Lets GCC's static analyzer read the executor; exits with 77 and a reason where there is no GCC >= 12.
set -eu

gcc=${CC:-gcc}
version=$("$gcc" -dumpversion 2>/dev/null || echo 0)
if "$gcc" --version 2>/dev/null | grep -q clang || [ "${version%%.*}" -lt 12 ]; then
  echo "the analyzer needs GCC 12 or newer"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for source in native/*.c; do
  "$gcc" -c -fanalyzer -std=gnu11 -O2 -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes \
    "$source" -o "$scratch/object.o"
done
