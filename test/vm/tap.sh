# Functions of the checks: TAP on standard output. Sourced.
number=0

ok() {
  number=$((number + 1))
  echo "ok $number - $1"
}

# not_ok TITLE NOTES: the notes may have several lines.
not_ok() {
  number=$((number + 1))
  echo "not ok $number - $1"
  printf '%s\n' "$2" | sed 's/^/# /'
}

# is TITLE ACTUAL EXPECTED
is() {
  if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: $3
got: $2"; fi
}

# like TITLE TEXT PATTERN: an extended regular expression matches a line of the text.
like() {
  if printf '%s\n' "$2" | grep -Eq -e "$3"; then ok "$1"; else not_ok "$1" "expected a match of: $3
got: $2"; fi
}

# true_that TITLE NOTE COMMAND...
true_that() {
  title=$1 note=$2
  shift 2
  if "$@"; then ok "$title"; else not_ok "$title" "$note"; fi
}

done_testing() {
  echo "1..$number"
}

# run ARGUMENTS...: one `sampan run`; leaves its output, both streams, and its exit code.
run() {
  output=$(timeout -s KILL 60 sampan run "$@" 2>&1 </dev/null)
  code=$?
}

# Names of the containers' groups that exist.
groups_left() {
  find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d -name 'sampan*'
}

# waits_for COMMAND...: until it succeeds, for up to ten seconds.
waits_for() {
  for _ in $(seq 100); do
    "$@" && return 0
    sleep 0.1
  done
  return 1
}

no_group_left() {
  [ -z "$(groups_left)" ]
}

a_group_has_a_process() {
  for procs in /sys/fs/cgroup/sampan-*/cgroup.procs; do
    [ -n "$(cat "$procs" 2>/dev/null)" ] && return 0
  done
  return 1
}
