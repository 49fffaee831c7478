#!/bin/busybox sh
# Process 1 of the machine: makes a root file system that can be pivoted away from, then runs the checks.
/bin/busybox --install -s /bin
mkdir -p /proc /new
mount -t proc proc /proc

# pivot_root(2) refuses the kernel's first root file system (EINVAL): a tmpfs takes its place. The large executables stay
# where they are and are bound there, for copying them takes longer than booting.
mount -t tmpfs -o mode=755 root /new
cd /new
mkdir -p proc sys dev tmp run var/lib root home/user etc opt
chmod 1777 tmp
cp -a /bin /lib /lib64 /checks /modules /tests .
mount --bind /opt opt
mount --move /proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm
mount -t devpts devpts dev/pts
mount -t tmpfs shm dev/shm
echo 'root:x:0:0::/root:/bin/sh
user:x:1000:1000::/home/user:/bin/sh' >etc/passwd
echo 'root:x:0:
user:x:1000:' >etc/group
chown 1000:1000 home/user
mount --move . /
exec chroot . /bin/sh -c '
export PATH=/opt:/bin HOME=/root
cd /
ifconfig lo 127.0.0.1
insmod /modules/overlay.ko
insmod /modules/loop.ko max_loop=1
truncate -s 64M /tmp/disk
losetup /dev/loop0 /tmp/disk
mount -t cgroup2 cgroup2 /sys/fs/cgroup
checks=$(sed "s/.*checks=\([^ ]*\).*/\1/" /proc/cmdline)
sh "/checks/$checks" </dev/null
reboot -f
'
