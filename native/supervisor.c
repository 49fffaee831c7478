/* Supervision of one process: signals, terminal, orphans, accounting. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "executor.h"

#define RELAY_SIZE 8192
#define IMPATIENCE 3 /* this many SIGINT or SIGTERM end a process that does not listen */

/* One direction of the relay: bytes read and not yet written. */
struct relay {
	int from; /* -1: ended */
	int to;   /* -1: nobody reads any more */
	size_t start, end;
	unsigned char *bytes;
};

struct supervision {
	struct machine *machine;
	pid_t pid;
	unsigned flags;
	int signals;
	int master;
	int impatience;
	bool ended;
	int control; /* the library's socket while it has not been heard of, then -1 */
	struct relay input, output;
	unsigned char buffers[2][RELAY_SIZE];
};

static bool pending(const struct relay *r)
{
	return r->end > r->start && r->to >= 0;
}

static void relay_read(struct relay *r)
{
	ssize_t n = read(r->from, r->bytes, RELAY_SIZE);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* EIO on a pty master: the last holder of the other side has closed it */
		r->from = -1;
		return;
	}
	r->start = 0;
	r->end = (size_t)n;
}

static void relay_write(struct relay *r)
{
	ssize_t n = write(r->to, r->bytes + r->start, r->end - r->start);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		r->to = -1; /* go on reading, so that the container never blocks on a reader that has gone */
		r->start = r->end;
		return;
	}
	r->start += (size_t)n;
}

static void copy_window_size(const struct supervision *s)
{
	struct winsize size;
	if (ioctl(0, TIOCGWINSZ, &size) == 0 || ioctl(1, TIOCGWINSZ, &size) == 0)
		ioctl(s->master, TIOCSWINSZ, &size);
}

static void forward(struct supervision *s, int signal)
{
	if ((signal == SIGINT || signal == SIGTERM) && ++s->impatience >= IMPATIENCE)
		signal = SIGKILL;
	/* `--stop-signal`: who asks this process to end means the container, in the container's own word */
	if (signal == SIGTERM && s->flags >> SP_SUPERVISE_STOP_SIGNAL_SHIFT != 0)
		signal = (int)(s->flags >> SP_SUPERVISE_STOP_SIGNAL_SHIFT);
	kill(s->pid, signal);
}

static void account(struct machine *m, const struct rusage *usage, int status)
{
	m->supervised = true;
	m->wait_status = status;
	m->ended_ns = now_ns();
	m->user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000u + (uint64_t)usage->ru_utime.tv_usec;
	m->system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000u + (uint64_t)usage->ru_stime.tv_usec;
	m->max_rss_kib = (uint64_t)usage->ru_maxrss;
}

static void reap(struct supervision *s)
{
	struct rusage usage;
	int status;
	/* Init reaps everybody. Outside, only the one: orphans that became ours are dealt with at the end. */
	pid_t who = s->flags & SP_SUPERVISE_INIT ? -1 : s->pid;
	for (;;) {
		pid_t pid = wait4(who, &status, WNOHANG, &usage);
		if (pid <= 0)
			return;
		if (pid == s->pid) {
			account(s->machine, &usage, status);
			s->ended = true;
			return;
		}
	}
}

/* signal(7): a stop of this process would stop the relay; the container goes on, as with any detached job. */
static void handle_signal(struct supervision *s, int signal)
{
	switch (signal) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGWINCH:
		if (s->flags & SP_SUPERVISE_TERMINAL)
			copy_window_size(s);
		else
			forward(s, signal);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		if (s->flags & SP_SUPERVISE_INIT)
			forward(s, signal);
		else
			raise(SIGSTOP);
		break;
	case SIGPIPE:
	case SIGURG:
	case SIGCONT:
		break;
	default:
		forward(s, signal);
	}
}

static void read_signals(struct supervision *s)
{
	struct signalfd_siginfo info;
	while (!s->ended && read(s->signals, &info, sizeof info) == sizeof info)
		handle_signal(s, (int)info.ssi_signo);
}

enum { POLL_SIGNALS, POLL_CONTROL, POLL_INPUT, POLL_OUTPUT, POLL_MASTER, POLL_COUNT };

static void prepare_poll(const struct supervision *s, struct pollfd *fds)
{
	const struct relay *in = &s->input, *out = &s->output;
	fds[POLL_SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	fds[POLL_CONTROL] = (struct pollfd){.fd = s->control, .events = POLLIN};
	fds[POLL_INPUT] = (struct pollfd){.fd = pending(in) ? -1 : in->from, .events = POLLIN};
	fds[POLL_OUTPUT] = (struct pollfd){.fd = pending(out) ? out->to : -1, .events = POLLOUT};
	short events = (short)((pending(in) ? POLLOUT : 0) | (pending(out) || out->from < 0 ? 0 : POLLIN));
	fds[POLL_MASTER] = (struct pollfd){.fd = events ? s->master : -1, .events = events};
}

static void relay_ready(struct supervision *s, const struct pollfd *fds)
{
	const short readable = POLLIN | POLLHUP | POLLERR;
	if (fds[POLL_INPUT].revents & readable)
		relay_read(&s->input);
	if (fds[POLL_OUTPUT].revents)
		relay_write(&s->output);
	if (fds[POLL_MASTER].revents & POLLOUT && pending(&s->input))
		relay_write(&s->input);
	if (fds[POLL_MASTER].revents & readable && s->output.from >= 0 && !pending(&s->output))
		relay_read(&s->output);
}

static int64_t watch(struct supervision *s)
{
	struct pollfd fds[POLL_COUNT];
	while (!s->ended) {
		prepare_poll(s, fds);
		if (poll(fds, POLL_COUNT, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[POLL_SIGNALS].revents)
			read_signals(s);
		if (fds[POLL_CONTROL].revents) { /* the library has gone, or wants the end */
			kill(s->pid, SIGKILL);
			s->control = -1;
		}
		relay_ready(s, fds);
	}
	return 0;
}

/* What the process wrote before it ended is still in the pty. */
static void drain(struct supervision *s)
{
	for (;;) {
		struct pollfd fd = {.fd = s->output.to, .events = POLLOUT};
		if (pending(&s->output)) {
			if (poll(&fd, 1, -1) < 0 && errno != EINTR)
				return;
			relay_write(&s->output);
			continue;
		}
		s->output.start = s->output.end = 0;
		if (s->output.from < 0)
			return;
		relay_read(&s->output);
		if (s->output.end == 0)
			return;
	}
}

/* An own description of the terminal, so that O_NONBLOCK does not change the one that others share. */
static int reopen(int fd, int flags)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fd;
}

static int64_t start_terminal(struct supervision *s, const struct termios *saved)
{
	int flags = fcntl(s->master, F_GETFL);
	if (flags < 0 || fcntl(s->master, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	s->output = (struct relay){.from = s->master, .to = reopen(1, O_WRONLY), .bytes = s->buffers[0]};
	s->input = (struct relay){.from = -1, .to = s->master, .bytes = s->buffers[1]};
	copy_window_size(s);
	if (!(s->flags & SP_SUPERVISE_INPUT))
		return 0;
	s->input.from = 0;
	struct termios raw = *saved;
	cfmakeraw(&raw);
	return tcsetattr(0, TCSANOW, &raw) < 0 ? -errno : 0;
}

/* proc(5), /proc/pid/task/tid/children; children of killed children become ours (PR_SET_CHILD_SUBREAPER). */
static int64_t kill_orphans(const struct machine *m)
{
	for (int round = 0; round < 1000; round++) {
		char list[4096];
		int killed = 0;
		int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		ssize_t n = read(fd, list, sizeof list - 1);
		close(fd);
		list[n > 0 ? n : 0] = 0;
		for (char *at = list, *end; *at; at = end) {
			pid_t pid = (pid_t)strtol(at, &end, 10);
			if (end == at)
				break;
			if (pid <= 0 || pid == m->janitor)
				continue;
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			killed++;
		}
		if (killed == 0)
			return 0;
	}
	return -EBUSY;
}

int64_t supervise(struct machine *m, pid_t pid, unsigned flags, int master, const void *termios)
{
	struct supervision s = {
		.machine = m, .pid = pid, .flags = flags, .master = master, .control = m->control_fd,
		.input = {.from = -1, .to = -1}, .output = {.from = -1, .to = -1},
	};
	sigset_t all;
	sigfillset(&all);
	s.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signals < 0)
		return -errno;
	int64_t result = flags & SP_SUPERVISE_TERMINAL ? start_terminal(&s, termios) : 0;
	reap(&s); /* its SIGCHLD may have come before the signalfd */
	if (result == 0 && !s.ended)
		result = watch(&s);
	if (flags & SP_SUPERVISE_TERMINAL) {
		drain(&s);
		if (flags & SP_SUPERVISE_INPUT)
			tcsetattr(0, TCSANOW, termios);
	}
	if (result == 0 && flags & SP_SUPERVISE_KILL_ORPHANS)
		result = kill_orphans(m);
	close(s.signals);
	return result < 0 ? result : m->wait_status;
}
