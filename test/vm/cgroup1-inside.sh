#!/bin/sh
# The checks with version 1 alone: no unified hierarchy, and cpu and cpuacct mounted together, as systemd did.
. /checks/tap.sh
cg=/sys/fs/cgroup
umount $cg
mount -t tmpfs -o mode=755 cgroups $cg
for controllers in cpu,cpuacct cpuset memory pids blkio freezer; do
  mkdir $cg/$controllers
  mount -t cgroup -o "$controllers" cgroup $cg/$controllers
done
is "version 1 is all there is" "$(grep -c ' - cgroup2 ' /proc/self/mountinfo)" 0

run_suite 'v1 of this kernel|limits that hold'

run --memory 32m --report=json host sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo child $?; exit 7'
like "the memory limit holds for a child" "$output" '^child 137$'
is "whose parent goes on" "$code" 7
like "and it is reported" "$output" '"oomKills": *1\b'
run --cpus 0.2 --report=json host sh -c 'timeout 1 sh -c "while :; do :; done"; exit 0'
like "--cpus throttles, and it is reported" "$output" '"throttledPeriods": *[1-9]'
like "the CPU time comes from cpuacct" "$output" '"cpuUsageUs": *[1-5][0-9]{5}\b'
run --device /dev/loop0 --device-read-bps /dev/loop0:2m --report=json \
  host dd if=/dev/loop0 of=/dev/null bs=64k count=64
like "--device-read-bps slows reading down" "$output" '"wallTimeMs": *(1[5-9]|[2-9][0-9])[0-9]{2}\b'
like "and what was read is reported" "$output" '"readBytes": *4[0-9]{6}\b'

run_in_background --memory 64m --memory-reservation 16m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --pids-limit 33 \
  --device-write-bps /dev/loop0:1m host sh -c 'sleep 100 & sleep 100'
true_that "it runs" "$(cat /tmp/background)" test -n "$(groups_left)"
file() { cat $cg/"$1"/sampan-*/"$2" 2>/dev/null; }
is "memory.limit_in_bytes" "$(file memory memory.limit_in_bytes)" 67108864
is "memory.soft_limit_in_bytes" "$(file memory memory.soft_limit_in_bytes)" 16777216
is "cpu.cfs_quota_us" "$(file cpu,cpuacct cpu.cfs_quota_us)" 50000
is "cpu.cfs_period_us" "$(file cpu,cpuacct cpu.cfs_period_us)" 100000
is "cpu.shares" "$(file cpu,cpuacct cpu.shares)" 512
is "cpuset.cpus" "$(file cpuset cpuset.cpus)" 0
is "pids.max" "$(file pids pids.max)" 33
is "blkio.throttle.write_bps_device" "$(file blkio blkio.throttle.write_bps_device)" "7:0 1048576"
is "a controller that is not asked for is not used" "$(file freezer cgroup.procs)" ""
kill -KILL "$background"
true_that "after SIGKILL to Sampan nothing is left" "$(groups_left; ps)" waits_for no_group_left
true_that "no process either" "$(ps)" sh -c '! pidof sleep >/dev/null'

run host true
is "a run without limits makes no groups" "$code $(groups_left)" "0 "
run --blkio-weight 100 host true
is "a weight without BFQ" "$code $output" \
  "125 sampan: cannot apply --blkio-weight: this kernel has no blkio.weight.\
 Load the BFQ I/O scheduler (modprobe bfq), or leave --blkio-weight out."
done_testing
