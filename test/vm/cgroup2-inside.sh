#!/bin/sh
# The checks with all controllers, on a kernel that has version 2 alone. Run by init.sh as root in the machine.
. /checks/tap.sh
cg=/sys/fs/cgroup

is "version 2 is all there is" "$(grep -c ' - cgroup ' /proc/self/mountinfo)" 0
like "the controllers are there" "$(cat $cg/cgroup.controllers)" "cpuset cpu io memory .*pids"

run_suite 'unified hierarchy|limits that hold'

# Memory
run --memory 32m --report=json host dd if=/dev/zero of=/dev/null bs=64M count=1
is "a process beyond --memory is killed" "$code" 137
like "and the report says so" "$output" '"oomKills": *1\b'
like "with the peak" "$output" '"peakMemoryBytes": *(2[0-9]|3[0-3])[0-9]{6}\b'
run --memory 32m --report=json host sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo child $?; exit 7'
like "the limit holds for a child" "$output" '^child 137$'
is "whose parent goes on" "$code" 7
like "and it is reported" "$output" '"oomKills": *1\b'
run --memory 32m host dd if=/dev/zero of=/dev/null bs=8M count=1
is "a process below it is not" "$code" 0

# Processes
run --pids-limit 5 --report=json host sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
true_that "a fork beyond --pids-limit fails" "$output" test "$code" -ne 0
like "and says so" "$output" "can't fork|Resource temporarily unavailable"

# CPU
# Within a shell, because a process 1 without a handler ignores the signal of timeout.
run --cpus 0.2 --report=json host sh -c 'timeout 1 sh -c "while :; do :; done"; exit 0'
like "--cpus throttles, and it is reported" "$output" '"throttledPeriods": *[1-9]'
like "with the time" "$output" '"throttledUs": *[1-9]'
like "the CPU time is near a fifth of a second" "$output" '"cpuUsageUs": *[1-5][0-9]{5}\b'

# Block I/O: init.sh has made a loop device. (A RAM disk reads and writes whole pages past the block layer, unlimited.)
run --device /dev/loop0 --device-read-bps /dev/loop0:2m --report=json \
  host dd if=/dev/loop0 of=/dev/null bs=64k count=64
like "--device-read-bps slows reading down" "$output" '"wallTimeMs": *(1[5-9]|[2-9][0-9])[0-9]{2}\b'
like "and what was read is reported" "$output" '"readBytes": *4[0-9]{6}\b'

# From inside
run --memory 32m --pids-limit 9 host sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max; cat /proc/self/cgroup'
is "the container sees its own group as the root" "$output" "33554432
9
0::/"

# Every file, from outside, while it runs
run_in_background --memory 64m --memory-swap 96m --memory-reservation 16m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 \
  --pids-limit 33 --blkio-weight 500 --device-write-bps /dev/loop0:1m --device-read-iops /dev/loop0:50 \
  host sh -c 'sleep 100 & sleep 100'
file() { cat $cg/sampan-*/"$1" 2>/dev/null; }
true_that "it runs" "$(cat /tmp/background)" test -n "$(groups_left)"
is "memory.max" "$(file memory.max)" 67108864
is "memory.swap.max is swap alone" "$(file memory.swap.max)" 33554432
is "memory.low" "$(file memory.low)" 16777216
is "cpu.max" "$(file cpu.max)" "50000 100000"
is "cpu.weight" "$(file cpu.weight)" 59
is "cpuset.cpus" "$(file cpuset.cpus)" 0
is "pids.max" "$(file pids.max)" 33
is "io.weight" "$(file io.weight)" "default 4950"
is "io.max" "$(file io.max)" "7:0 rbps=max wbps=1048576 riops=50 wiops=max"
is "the wanted controllers are handed down, and no others" "$(cat $cg/cgroup.subtree_control)" "cpuset cpu io memory pids"

# cgroup.kill: nobody is left when Sampan itself is killed
true_that "the group holds both processes and their shell" "$(file cgroup.procs)" test "$(file cgroup.procs | wc -l)" -ge 2
kill -KILL "$background"
true_that "after SIGKILL to Sampan nothing is left" "$(groups_left; ps)" waits_for no_group_left
true_that "no process either" "$(ps)" sh -c '! pidof sleep >/dev/null'

run host true
is "a run without limits works" "$code" 0

# Refusals, word for word
run --cpuset-cpus 7 host true
is "a CPU that is not there" "$code $output" "125 sampan: cannot apply --cpuset-cpus: there is no CPU 7. Available are 0."

as_user() { su -s /bin/sh user -c "cd /; export PATH=/opt:/bin; $1" 2>&1 </dev/null; }
is "a user without delegation" "$(as_user 'sampan run --memory 32m host true')" \
  "sampan: cannot apply --memory: user 1000 may not make control groups above or in $cg.\
 With systemd, start it in a scope of your own: systemd-run --user --scope sampan ….\
 Elsewhere let root make a group, chown it to you and move your shell into a group below it. Or run as root."

# Delegation as cgroup-v2.rst describes it: the folder and three of its files. Two of the controllers come through.
outer=$cg/outer
group=$outer/delegated
mkdir -p $group/shell
echo "+memory +pids" >$cg/cgroup.subtree_control
echo "+memory +pids" >$outer/cgroup.subtree_control
chown 1000 $group $group/cgroup.procs $group/cgroup.subtree_control $group/cgroup.threads
chown -R 1000 $group/shell
delegated() {
  sh -c "echo 0 >$group/shell/cgroup.procs; exec su -s /bin/sh user -c 'cd /; export PATH=/opt:/bin; $1'" 2>&1 </dev/null
}
like "a user with a delegated group has limits" \
  "$(delegated 'sampan run --memory 32m host dd if=/dev/zero of=/dev/null bs=64M count=1; echo code $?')" '^code 137$'
is "a controller that is not delegated" "$(delegated 'sampan run --cpus 1 host true')" \
  "sampan: cannot apply --cpus: the controller cpu is not delegated to /outer/delegated/shell.\
 With systemd, run systemctl edit user@.service as root and add [Service] Delegate=cpu, then log in again.\
 Elsewhere write +cpu into cgroup.subtree_control of the groups above."
rmdir $group/sampan $group/shell $group $outer
true_that "nothing is left there either" "$(ls $outer 2>&1)" test ! -d $outer
# A container in a container: its top group is not the kernel's, and holds processes.
move_down="mkdir /sys/fs/cgroup/init; \
for p in \$(cat /sys/fs/cgroup/cgroup.procs); do echo \$p > /sys/fs/cgroup/init/cgroup.procs; done"
run --privileged --memory 100m -v /opt:/opt host /opt/sampan run --memory 32m host echo inner
is "a group that holds processes" "$output" \
  "sampan: cannot apply --memory: $cg holds processes, and a control group that does cannot limit groups below it.\
 Move them down first: $move_down."
run --privileged --memory 100m -v /opt:/opt host sh -c "($move_down) 2>/dev/null; /opt/sampan run --memory 32m host echo inner
  cd /sys/fs/cgroup && echo -memory >cgroup.subtree_control && echo 0 >cgroup.procs && rmdir init"
like "and once they are moved as it says, a container in a container has limits" "$output" '^inner$'
run -v /opt:/opt --memory 100m --cap-add ALL host /opt/sampan run --memory 32m host true
is "read-only control groups" "$output" \
  "sampan: cannot apply --memory: $cg cannot be written. It is mounted read-only, or belongs to another user namespace:\
 run the outer container with its control groups writable."
run -v /opt:/opt --memory 100m --cap-add ALL host /opt/sampan run --report=json host echo inner
like "a report does without them" "$output" '^inner$'
true_that "nothing is left in $cg" "$(groups_left)" no_group_left
done_testing
