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
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "executor.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441 /* Linux 4.13 */
#endif

#define RELAY_SIZE 8192
#define IMPATIENCE 3 /* this many SIGINT or SIGTERM end a process that does not listen */
#define HANG_UP_GRACE_NS 5000000000u

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
	int slave;    /* held open, so that the terminal outlives a moment in which nobody inside has it open */
	int terminal; /* the user's, or -1 */
	const struct termios *saved;
	uint64_t deadline_ns; /* after a hang-up; 0: none */
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

/* Lets the kernel do to us what it does to any process in the background: stop it until it is in front (SIGTTIN). */
static ssize_t read_in_front(const struct relay *r)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTTIN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	ssize_t n = read(r->from, r->bytes, RELAY_SIZE);
	int error = errno;
	sigprocmask(SIG_BLOCK, &set, NULL);
	errno = error;
	return n;
}

static void relay_read(struct relay *r, bool terminal)
{
	ssize_t n = read(r->from, r->bytes, RELAY_SIZE);
	if (n < 0 && errno == EIO && terminal)
		n = read_in_front(r);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
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

static bool in_front(const struct supervision *s)
{
	pid_t group = tcgetpgrp(s->terminal);
	return group < 0 || group == getpgrp(); /* ENOTTY: not our controlling terminal, so nobody's background */
}

/* In the background this stops us until we are in front, as it does with any process (SIGTTOU). */
static int set_terminal(const struct termios *settings)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	int result = tcsetattr(0, TCSANOW, settings) < 0 ? -errno : 0;
	sigprocmask(SIG_BLOCK, &set, NULL);
	return result;
}

static int make_raw(const struct supervision *s)
{
	struct termios raw = *s->saved;
	cfmakeraw(&raw);
	return set_terminal(&raw);
}

static bool gone(int terminal)
{
	struct pollfd fd = {.fd = terminal};
	return terminal >= 0 && poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP;
}

/* The user's terminal has gone, and so the container's goes: the kernel tells those who use it (SIGHUP). Who does not
 * listen, as every first process of a PID namespace without a handler, is ended a little later. */
static void hang_up(struct supervision *s)
{
	if (s->deadline_ns != 0)
		return;
	s->deadline_ns = now_ns() + HANG_UP_GRACE_NS;
	s->input = s->output = (struct relay){.from = -1, .to = -1};
	close(s->slave);
	close(s->master);
	s->slave = s->master = s->terminal = -1;
}

/* nohup(1). A blocked signal comes even when it is ignored. */
static bool ignored(int signal)
{
	struct sigaction action;
	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* raise(3) of SIGSTOP: every other signal is blocked. The terminal is the shell's until we go on (SIGCONT). */
static void stop(const struct supervision *s)
{
	bool raw = s->flags & SP_SUPERVISE_INPUT && s->terminal >= 0;
	if (raw && in_front(s))
		set_terminal(s->saved);
	raise(SIGSTOP);
}

static void go_on(const struct supervision *s)
{
	if (!(s->flags & SP_SUPERVISE_TERMINAL) || s->terminal < 0 || !in_front(s))
		return;
	if (s->flags & SP_SUPERVISE_INPUT)
		make_raw(s);
	copy_window_size(s);
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
			stop(s);
		break;
	case SIGCONT:
		go_on(s);
		break;
	case SIGHUP:
		if (gone(s->terminal))
			hang_up(s);
		else if (!ignored(signal))
			forward(s, signal);
		break;
	case SIGPIPE:
	case SIGURG:
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
	/* without events, a hang-up is still reported */
	short wanted = in->from >= 0 && !pending(in) ? POLLIN : 0;
	fds[POLL_INPUT] = (struct pollfd){.fd = wanted ? in->from : s->terminal, .events = wanted};
	fds[POLL_OUTPUT] = (struct pollfd){.fd = pending(out) ? out->to : -1, .events = POLLOUT};
	short events = (short)((pending(in) ? POLLOUT : 0) | (pending(out) || out->from < 0 ? 0 : POLLIN));
	fds[POLL_MASTER] = (struct pollfd){.fd = events ? s->master : -1, .events = events};
}

static void relay_ready(struct supervision *s, const struct pollfd *fds)
{
	const short readable = POLLIN | POLLHUP | POLLERR;
	if (fds[POLL_INPUT].revents & POLLHUP && gone(s->terminal)) {
		hang_up(s);
		return;
	}
	if (fds[POLL_INPUT].revents & readable && s->input.from >= 0 && !pending(&s->input))
		relay_read(&s->input, true);
	if (fds[POLL_OUTPUT].revents)
		relay_write(&s->output);
	if (fds[POLL_MASTER].revents & POLLOUT && pending(&s->input))
		relay_write(&s->input);
	if (fds[POLL_MASTER].revents & readable && s->output.from >= 0 && !pending(&s->output))
		relay_read(&s->output, false);
}

static int time_left_ms(const struct supervision *s)
{
	uint64_t now = now_ns();
	if (s->deadline_ns == 0)
		return -1;
	return now >= s->deadline_ns ? 0 : (int)((s->deadline_ns - now) / 1000000u) + 1;
}

static int64_t watch(struct supervision *s)
{
	struct pollfd fds[POLL_COUNT];
	while (!s->ended) {
		prepare_poll(s, fds);
		if (poll(fds, POLL_COUNT, time_left_ms(s)) < 0 && errno != EINTR)
			return -errno;
		if (fds[POLL_SIGNALS].revents)
			read_signals(s);
		if (s->ended)
			break; /* its number may be somebody else's by now */
		if (fds[POLL_CONTROL].revents) { /* the library has gone, or wants the end */
			kill(s->pid, SIGKILL);
			s->control = -1;
		}
		if (time_left_ms(s) == 0) {
			kill(s->pid, SIGKILL);
			s->deadline_ns = now_ns() + HANG_UP_GRACE_NS;
		}
		relay_ready(s, fds);
	}
	return 0;
}

/* Whether a signal wants the end, while what is left is written to a reader who may not read. */
static bool asked_to_end(const struct supervision *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof info) == sizeof info) {
		int signal = (int)info.ssi_signo;
		if (signal == SIGINT || signal == SIGTERM || signal == SIGQUIT || signal == SIGHUP)
			return true;
		if (signal == SIGTSTP)
			stop(s);
		if (signal == SIGCONT)
			go_on(s);
	}
	return false;
}

/* What the process wrote before it ended is still in the pty. */
static void drain(struct supervision *s)
{
	while (s->output.from >= 0 && s->impatience < IMPATIENCE) {
		struct pollfd fds[] = {
			{.fd = s->output.to, .events = POLLOUT},
			{.fd = s->signals, .events = POLLIN},
			{.fd = s->control, .events = POLLIN},
		};
		if (pending(&s->output)) {
			if (poll(fds, 3, -1) < 0 && errno != EINTR)
				return;
			if (fds[2].revents || (fds[1].revents && asked_to_end(s)) || gone(s->terminal))
				return;
			if (fds[0].revents)
				relay_write(&s->output);
			continue;
		}
		s->output.start = s->output.end = 0;
		relay_read(&s->output, false);
		if (s->output.end == 0)
			return;
	}
}

/* An own description of a terminal or pipe, so that O_NONBLOCK does not change the one that others share. A file never
 * blocks, and its position has to stay shared: others may write to it before and after. */
static int reopen(int fd, int flags)
{
	char path[32];
	struct stat st;
	if (fstat(fd, &st) < 0 || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
		return fd;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fd;
}

static int64_t start_terminal(struct supervision *s)
{
	int flags = fcntl(s->master, F_GETFL);
	if (flags < 0 || fcntl(s->master, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	s->slave = ioctl(s->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	s->terminal = isatty(0) ? 0 : isatty(1) ? 1 : -1;
	s->output = (struct relay){.from = s->master, .to = reopen(1, O_WRONLY), .bytes = s->buffers[0]};
	s->input = (struct relay){.from = -1, .to = s->master, .bytes = s->buffers[1]};
	copy_window_size(s);
	if (!(s->flags & SP_SUPERVISE_INPUT))
		return 0;
	s->input.from = reopen(0, O_RDONLY);
	return make_raw(s);
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
			/* a space ends every number: the last may have been cut off, and then be somebody else's */
			if (end == at || *end != ' ')
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
		.machine = m, .pid = pid, .flags = flags, .master = master, .control = m->control_fd, .slave = -1,
		.terminal = -1, .saved = termios,
		.input = {.from = -1, .to = -1}, .output = {.from = -1, .to = -1},
	};
	sigset_t all = all_signals();
	s.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signals < 0)
		return -errno;
	int64_t result = flags & SP_SUPERVISE_TERMINAL ? start_terminal(&s) : 0;
	reap(&s); /* its SIGCHLD may have come before the signalfd */
	if (result == 0 && !s.ended)
		result = watch(&s);
	if (flags & SP_SUPERVISE_TERMINAL) {
		drain(&s);
		if (flags & SP_SUPERVISE_INPUT && in_front(&s))
			tcsetattr(0, TCSANOW, termios);
	}
	if (result == 0 && flags & SP_SUPERVISE_KILL_ORPHANS)
		result = kill_orphans(m);
	close(s.signals);
	return result < 0 ? result : m->wait_status;
}
