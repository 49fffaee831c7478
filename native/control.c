/* Control operations that are more than one system call, yet no policy. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "executor.h"

#define KERNEL_SIGNALS 64
#define MAX_GROUP_DEPTH 64
#define KILL_ROUNDS 4000 /* × 0.5 ms = 2 s */

int64_t send_descriptor(int socket, int fd)
{
	char byte = 0;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec vec = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int64_t receive_descriptor(int socket)
{
	char byte;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec vec = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	int fd;
	memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

/* sigfillset(3) of musl leaves out three that it would use itself; one of them is glibc's SIGRTMIN, which would end us. */
sigset_t all_signals(void)
{
	sigset_t all;
	memset(&all, 0xff, sizeof all);
	return all;
}

/* Dispositions that were ignored stay ignored over execve(2), and JavaScript engines ignore SIGPIPE. */
void restore_signals(void)
{
	/* The kernel's own structure, which is larger nowhere, as sigaction(3) refuses signals that the C library would use. */
	static const uint64_t action[4] = {(uintptr_t)SIG_DFL};
	sigset_t none;
	for (int signal = 1; signal <= KERNEL_SIGNALS; signal++)
		syscall(SYS_rt_sigaction, signal, action, NULL, KERNEL_SIGNALS / 8); /* EINVAL for SIGKILL and SIGSTOP */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The search of execvp(3): go on after ENOENT, ENOTDIR and EACCES, and prefer EACCES in the end. */
int64_t execute_first(char *const *paths, char *const *argv, char *const *envp)
{
	int error = ENOENT;
	restore_signals();
	for (; *paths; paths++) {
		execve(*paths, argv, envp);
		if (errno == EACCES)
			error = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return -error;
}

int64_t spawn_helper(struct machine *m, char *const *argv)
{
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		restore_signals();
		if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
			_exit(126);
		execve(argv[0], argv, m->envp);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	m->wait_status = status;
	return status == 0 ? 0 : -EPROTO;
}

/* Every signal that can be blocked already is. An own session keeps the terminal's hang-up away. */
int64_t become_janitor(int fd)
{
	char byte;
	ssize_t n;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return -errno;
	close(null);
	if (setsid() < 0)
		return -errno;
	prctl(PR_SET_NAME, "sampan-janitor");
	do
		n = read(fd, &byte, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* Returns how many were listed, or a negative errno. */
static int64_t kill_listed(int group)
{
	char buffer[4096];
	size_t have = 0;
	int64_t count = 0;
	int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, buffer + have, sizeof buffer - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
		buffer[have] = 0;
		char *line = buffer, *end;
		while ((end = strchr(line, '\n'))) {
			long pid = strtol(line, NULL, 10);
			if (pid > 1 && pid != getpid()) {
				kill((pid_t)pid, SIGKILL);
				count++;
			}
			line = end + 1;
		}
		have = strlen(line);
		memmove(buffer, line, have);
	}
	close(fd);
	return count;
}

/* Entries of a control group that are folders: groups which the container has made below its own. */
static bool is_group(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int64_t empty_group(int group, int depth);

/* Returns how many processes were found below, or a negative errno. */
static int64_t empty_children(int group, int depth)
{
	int64_t count = 0;
	int copy = openat(group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	if (!list)
		return -errno;
	for (struct dirent *entry; (entry = readdir(list));) {
		if (!is_group(entry))
			continue;
		int child = openat(group, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (child < 0)
			continue;
		int64_t below = empty_group(child, depth + 1);
		close(child);
		if (below > 0)
			count += below;
		unlinkat(group, entry->d_name, AT_REMOVEDIR); /* EBUSY is tried again in the next round */
	}
	closedir(list);
	return count;
}

static int64_t empty_group(int group, int depth)
{
	if (depth > MAX_GROUP_DEPTH)
		return -ELOOP;
	int64_t below = empty_children(group, depth);
	int64_t own = kill_listed(group);
	if (own < 0 && own != -ENODEV)
		return own;
	return (below > 0 ? below : 0) + (own > 0 ? own : 0);
}

int64_t kill_cgroup(const char *folder)
{
	struct timespec pause = {.tv_nsec = 500000};
	for (int i = 0; i < KILL_ROUNDS; i++) {
		int group = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group < 0)
			return errno == ENOENT ? 0 : -errno;
		int64_t count = empty_group(group, 0);
		close(group);
		if (count == -ENOENT || count == -ENODEV)
			return 0;
		if (count <= 0)
			return count;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

int64_t copy_descriptor(int from, int to)
{
	char buffer[16384];
	for (;;) {
		ssize_t n = read(from, buffer, sizeof buffer);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, buffer + done, (size_t)(n - done));
			if (w < 0)
				return -errno;
			done += w;
		}
	}
}
