#!/bin/sh
# The checks on a kernel that was booted without the memory and pids controllers, and then without any control groups.
. /checks/tap.sh

here="Present are cpuset, cpu, io, hugetlb, rdma, misc."
run --memory 32m host true
is "--memory without its controller" "$code $output" \
  "125 sampan: cannot apply --memory: there is no control group controller \"memory\" here. $here\
 Ask for it where Sampan runs (boot with cgroup_enable=memory, or widen the container), or leave --memory out."
run --pids-limit 3 host true
is "--pids-limit without its controller" "$code $output" \
  "125 sampan: cannot apply --pids-limit: there is no control group controller \"pids\" here. $here\
 Ask for it where Sampan runs (boot without cgroup_disable=, or widen the container), or leave --pids-limit out."
run --cpus 0.5 --report=json host true
is "a controller that is there works" "$code" 0
run host echo hello
is "a run without limits needs none" "$code $output" "0 hello"
true_that "nothing is left" "$(groups_left)" no_group_left

umount /sys/fs/cgroup
run --cpus 1 host true
is "without any control groups" "$code $output" \
  "125 sampan: cannot apply --cpus: no control groups are mounted. Mount them: mount -t cgroup2 none /sys/fs/cgroup."
run host echo hello
is "a run without limits needs no control groups" "$code $output" "0 hello"
done_testing
