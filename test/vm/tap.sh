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

# run_in_background ARGUMENTS...: until the container runs; leaves the process id of Sampan.
run_in_background() {
  sampan run "$@" </dev/null >/tmp/background 2>&1 &
  background=$!
  waits_for a_group_has_a_process
}

# run_suite TITLES: the planner and live groups by themselves, in the suite that every kind of host runs.
run_suite() {
  suite=$(cd /tests && BUN_BE_BUN=1 timeout -s KILL 120 sampan test ./test/kernel/cgroup.test.ts -t "$1" 2>&1)
  printf '%s\n' "$suite" | sed -n 's/^(\(pass\|fail\)) \(.*\) \[[0-9.]*ms\]$/\1 \2/p' >/tmp/suite
  while read -r state title; do
    if [ "$state" = pass ]; then ok "$title"; else not_ok "$title" "$suite"; fi
  done </tmp/suite
  true_that "the suite has run" "$suite" test -s /tmp/suite
}

# Containers' groups that exist, in any hierarchy.
groups_left() {
  find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name 'sampan*'
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
  for procs in /sys/fs/cgroup/sampan-*/cgroup.procs /sys/fs/cgroup/*/sampan-*/cgroup.procs; do
    [ -n "$(cat "$procs" 2>/dev/null)" ] && return 0
  done
  return 1
}
