/* The bare C floor: what a container start costs when one program, written for it alone, makes the system calls and does
 * nothing else. No plan, no protocol, no limits, no clean-up, no error messages beyond the call's name. It is what the
 * other numbers are compared with; it is not how a container should be started.
 *
 *   floor ROOTFS COMMAND [ARGUMENT...]
 *
 * All namespaces but user and time; the root file system under a copy-on-write layer; /proc, a /dev of its own, /dev/pts,
 * /dev/shm, /dev/mqueue, a read-only /sys; two masked paths and one read-only path, where the runtimes have 17. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* From <sys/mount.h>, which some C libraries do not let stand beside <linux/mount.h>. */
extern int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
extern int umount2(const char *target, int flags);
#define DETACH 2

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int check(long result, const char *what)
{
	if (result >= 0)
		return (int)result;
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* A new file system, mounted but attached nowhere; options as pairs, the last one NULL. */
static int new_mount(const char *type, unsigned attributes, ...)
{
	va_list options;
	const char *key;
	int context = check(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), type);
	va_start(options, attributes);
	while ((key = va_arg(options, const char *)))
		check(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, va_arg(options, const char *), 0), key);
	va_end(options);
	check(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
	int fd = check(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes), type);
	close(context);
	return fd;
}

static void attach(int fd, int folder, const char *name)
{
	check(syscall(SYS_move_mount, fd, "", folder, name, MOVE_MOUNT_F_EMPTY_PATH), name);
}

static void attach_and_close(int fd, int folder, const char *name)
{
	attach(fd, folder, name);
	close(fd);
}

/* Kernels are built with and without what is masked here. */
static void cover(int fd, int folder, const char *name)
{
	if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		attach(fd, folder, name);
	close(fd);
}

/* On top of the old root lies a tmpfs, which holds the copy-on-write layer and the new root. */
static int make_root(const char *lower)
{
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
	int stage = new_mount("tmpfs", 0, "mode", "0755", NULL);
	attach(stage, AT_FDCWD, "/");
	check(fchdir(stage), "stage");
	check(mkdir("upper", 0755) | mkdir("work", 0700) | mkdir("root", 0755), "stage");
	int root = new_mount("overlay", 0, "lowerdir", lower, "upperdir", "upper", "workdir", "work", NULL);
	attach(root, stage, "root");
	close(stage);
	return root;
}

static void fill_dev(int dev)
{
	static const struct { const char *name; unsigned major, minor; } nodes[] = {
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}, {"/proc/kcore", "core"},
	};
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
		check(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].name);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		check(symlinkat(links[i][0], dev, links[i][1]), links[i][1]);
	check(mkdirat(dev, "pts", 0755) | mkdirat(dev, "shm", 01777) | mkdirat(dev, "mqueue", 0755), "/dev");
}

static void mount_all(int root)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	int proc = new_mount("proc", QUIET, NULL);
	attach(proc, root, "proc");
	int dev = new_mount("tmpfs", MOUNT_ATTR_NOSUID, "mode", "0755", "size", "64m", NULL);
	attach(dev, root, "dev");
	fill_dev(dev);
	attach_and_close(new_mount("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "ptmxmode", "0666", "mode", "0620", NULL),
			 dev, "pts");
	attach_and_close(new_mount("tmpfs", QUIET, "mode", "1777", "size", "64m", NULL), dev, "shm");
	attach_and_close(new_mount("mqueue", QUIET, NULL), dev, "mqueue");
	int sys = new_mount("sysfs", QUIET | MOUNT_ATTR_RDONLY, NULL);
	attach(sys, root, "sys");

	int null = check(syscall(SYS_open_tree, dev, "null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "/dev/null");
	cover(null, proc, "timer_list");
	cover(new_mount("tmpfs", MOUNT_ATTR_RDONLY, NULL), sys, "firmware");
	int params = check(syscall(SYS_open_tree, proc, "sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), "/proc/sys");
	check(syscall(SYS_mount_setattr, params, "", AT_EMPTY_PATH | AT_RECURSIVE, &ro, sizeof ro), "/proc/sys");
	attach_and_close(params, proc, "sys");
	close(sys);
	close(dev);
	close(proc);
}

static void raise_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	check(ioctl(fd, SIOCSIFFLAGS, &lo), "lo");
	close(fd);
}

static _Noreturn void container(const char *rootfs, char **argv)
{
	static char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", NULL};
	umask(0);
	check(sethostname("floor", 5), "sethostname");
	raise_loopback();
	int root = make_root(rootfs);
	mount_all(root);
	check(fchdir(root), "root");
	check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	check(umount2(".", DETACH), "let go of the stage");
	check(umount2(".", DETACH), "let go of the old root");
	check(chdir("/"), "/");
	umask(022);
	execve(argv[0], argv, env);
	check(-1, argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct clone_args args = {.flags = NAMESPACES, .exit_signal = SIGCHLD};
	int status;
	if (argc < 3) {
		fprintf(stderr, "usage: floor ROOTFS COMMAND [ARGUMENT...]\n");
		return 125;
	}
	pid_t pid = check(syscall(SYS_clone3, &args, sizeof args), "clone3");
	if (pid == 0)
		container(argv[1], argv + 2);
	check(waitpid(pid, &status, 0), "waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
