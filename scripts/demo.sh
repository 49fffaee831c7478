#!/bin/sh
# Runs the same questions outside and inside a container made of this machine's own files, and compares the answers.
set -eu

sampan=dist/sampan
mark=/tmp/sampan-demo-$$
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Asked by a plain shell on both sides; what a side cannot answer is a dash.
questions='
echo "hostname=$(uname -n)"
echo "user=$(id -u)"
echo "shell=$$"
processes=0; for p in /proc/[0-9]*; do processes=$((processes + 1)); done; echo "processes=$processes"
echo "root=$(sed -n "s/^[^ ]* \/ \([^ ]*\) .*/\1/p" /proc/self/mounts | tail -n 1)"
echo "mounts=$(wc -l </proc/self/mounts)"
echo "network=$(sed -n "s/^ *\([^:]*\):.*/\1/p" /proc/net/dev | head -n 4 | tr "\n" " ")"
echo "capabilities=$(sed -n "s/^CapEff:\t0*\(.\)/\1/p" /proc/self/status)"
group=$(sed -n "s/^[0-9]*:\([^:]*,\)*memory[^:]*://p" /proc/self/cgroup)
for limit in /sys/fs/cgroup/memory$group/memory.limit_in_bytes /sys/fs/cgroup/memory/memory.limit_in_bytes \
  /sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup)/memory.max; do
  if [ -r "$limit" ]; then echo "memory=$(cat "$limit")"; break; fi
done
echo inside >"$1" && [ -e "$1" ] && echo "file=written"
'

answer() { sed -n "s/^$2=//p" "$scratch/$1" | sed -n 1p; }

size() {
  case $1 in
  "") echo "-" ;;
  *[!0-9]*) echo "no limit" ;;
  ???????????????*) echo "no limit" ;;
  *) echo "$(($1 / 1048576)) MiB" ;;
  esac
}

row() { printf '  %-22s %-26s %s\n' "$1" "$2" "$3"; }
now_us() { echo "$(($(date +%s%N) / 1000))"; }
ms() { echo "$(($1 / 1000)).$(($1 / 100 % 10)) ms"; }

# A limit that cannot be had here is left out, and what stands in its way is shown.
limits="--memory 64m --pids-limit 50"
if ! "$sampan" run --rm $limits host true 2>"$scratch/no-limits"; then
  limits=
  if ! "$sampan" run --rm host true 2>"$scratch/no-container"; then
    echo "No container can be made here:" >&2
    cat "$scratch/no-container" >&2
    echo "\`$sampan doctor\` says what works on this machine, what does not, and why." >&2
    exit 1
  fi
fi

sh -c "$questions" outside /dev/null >"$scratch/outside"
for _ in 1 2 3 4 5; do
  started=$(now_us)
  "$sampan" run --rm --hostname sampan $limits host true
  echo "$(($(now_us) - started))"
done >"$scratch/times"
took=$(sort -n "$scratch/times" | sed -n 3p)
"$sampan" run --rm --hostname sampan $limits host sh -c "$questions" inside "$mark" >"$scratch/inside"

echo
echo "  sampan run --hostname sampan ${limits:+$limits }host sh"
echo
row "" outside inside
for what in hostname user processes root mounts network capabilities; do
  row "$what" "$(answer outside "$what")" "$(answer inside "$what")"
done
row "pid of the shell" "$(answer outside shell)" "$(answer inside shell)"
row "memory limit" "$(size "$(answer outside memory)")" "$(size "$(answer inside memory)")"
there=$([ -e "$mark" ] && echo "THERE, which is a bug" || echo "not there")
row "$mark" "$there" "$(answer inside file)"
echo

if [ -n "$limits" ]; then
  # tail keeps in memory what it is to print.
  "$sampan" run --rm $limits host sh -c 'head -c 209715200 /dev/zero | tail -c 209715200 | wc -c' \
    >"$scratch/eaten" 2>/dev/null || true
  if [ "$(tr -d ' \n' <"$scratch/eaten")" = 209715200 ]; then
    echo "  A process that takes 200 MiB lives on with a limit of 64 MiB: this is a bug."
  else
    echo "  A process that takes 200 MiB is killed at its limit of 64 MiB; the machine does not notice."
  fi
else
  echo "  No memory limit, because: $(sed 's/^sampan: //' "$scratch/no-limits")"
fi
echo "  Making the container, running a command in it and removing everything takes $(ms "$took") (median of 5)."
echo "  See the system calls it is made of: $sampan run --explain host true"
echo
