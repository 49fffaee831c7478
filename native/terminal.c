/* The terminal of a supervised process: a relay between the user's own and a pty. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441 /* Linux 4.13 */
#endif

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

void terminal_resize(const struct supervision *s)
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

bool terminal_gone(const struct supervision *s)
{
	struct pollfd fd = {.fd = s->terminal};
	return s->terminal >= 0 && poll(&fd, 1, 0) == 1 && fd.revents & POLLHUP;
}

/* The user's terminal has gone, and so the container's goes: the kernel tells those who use it (SIGHUP). Who does not
 * listen, as every first process of a PID namespace without a handler, is ended a little later. */
void terminal_hang_up(struct supervision *s)
{
	if (s->deadline_ns != 0)
		return;
	s->deadline_ns = now_ns() + HANG_UP_GRACE_NS;
	s->input = s->output = (struct relay){.from = -1, .to = -1};
	close(s->slave);
	close(s->master);
	s->slave = s->master = s->terminal = -1;
}

/* raise(3) of SIGSTOP: every other signal is blocked. The terminal is the shell's until we go on (SIGCONT). */
void terminal_stop(const struct supervision *s)
{
	bool raw = s->flags & SP_SUPERVISE_INPUT && s->terminal >= 0;
	if (raw && in_front(s))
		set_terminal(s->saved);
	raise(SIGSTOP);
}

void terminal_go_on(const struct supervision *s)
{
	if (!(s->flags & SP_SUPERVISE_TERMINAL) || s->terminal < 0 || !in_front(s))
		return;
	if (s->flags & SP_SUPERVISE_INPUT)
		make_raw(s);
	terminal_resize(s);
}

void terminal_poll(const struct supervision *s, struct pollfd *fds)
{
	const struct relay *in = &s->input, *out = &s->output;
	/* without events, a hang-up is still reported */
	short wanted = in->from >= 0 && !pending(in) ? POLLIN : 0;
	fds[POLL_INPUT] = (struct pollfd){.fd = wanted ? in->from : s->terminal, .events = wanted};
	fds[POLL_OUTPUT] = (struct pollfd){.fd = pending(out) ? out->to : -1, .events = POLLOUT};
	short events = (short)((pending(in) ? POLLOUT : 0) | (pending(out) || out->from < 0 ? 0 : POLLIN));
	fds[POLL_MASTER] = (struct pollfd){.fd = events ? s->master : -1, .events = events};
}

void terminal_ready(struct supervision *s, const struct pollfd *fds)
{
	const short readable = POLLIN | POLLHUP | POLLERR;
	if (fds[POLL_INPUT].revents & POLLHUP && terminal_gone(s)) {
		terminal_hang_up(s);
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

/* Whether a signal wants the end, while what is left is written to a reader who may not read. */
static bool asked_to_end(const struct supervision *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof info) == sizeof info) {
		int signal = (int)info.ssi_signo;
		if (signal == SIGINT || signal == SIGTERM || signal == SIGQUIT || signal == SIGHUP)
			return true;
		if (signal == SIGTSTP)
			terminal_stop(s);
		if (signal == SIGCONT)
			terminal_go_on(s);
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
			if (fds[2].revents || (fds[1].revents && asked_to_end(s)) || terminal_gone(s))
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

int64_t terminal_start(struct supervision *s)
{
	int flags = fcntl(s->master, F_GETFL);
	if (flags < 0 || fcntl(s->master, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	s->slave = ioctl(s->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	s->terminal = isatty(0) ? 0 : isatty(1) ? 1 : -1;
	s->output = (struct relay){.from = s->master, .to = reopen(1, O_WRONLY), .bytes = s->buffers[0]};
	s->input = (struct relay){.from = -1, .to = s->master, .bytes = s->buffers[1]};
	terminal_resize(s);
	if (!(s->flags & SP_SUPERVISE_INPUT))
		return 0;
	s->input.from = reopen(0, O_RDONLY);
	return make_raw(s);
}

void terminal_end(struct supervision *s)
{
	drain(s);
	if (s->flags & SP_SUPERVISE_INPUT && in_front(s))
		tcsetattr(0, TCSANOW, s->saved);
}
