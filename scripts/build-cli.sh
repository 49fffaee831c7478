#!/bin/sh
# build-cli.sh OUTPUT: compiles src/cli/main.ts to one executable. Splitting keeps what other
# commands need out of the way of `run`: half of the start-up time. Neither .env nor bunfig.toml of the folder that a user
# stands in is anything to load, and a process that lives for milliseconds gains nothing from compiling its code.
set -eu

output=$1
name=$(basename "$output")
scratch=$(dirname "$output")/.build-$$
mkdir -p "$scratch"
trap 'rm -rf "$scratch"' EXIT

node_modules/.bin/bun build --compile --bytecode --minify --splitting --format=esm \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig --compile-jit-policy=100 src/cli/main.ts \
  --outfile "$scratch/$name" >"$scratch/log" 2>&1 || {
  cat "$scratch/log" >&2
  exit 1
}
mv -f "$scratch/$name" "$output"
printf 'built %s (%s bytes)\n' "$output" "$(wc -c <"$output")" >&2
