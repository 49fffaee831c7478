/* Supervision of one process: signals, terminal, orphans, accounting. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

/* nohup(1). A blocked signal comes even when it is ignored. */
static bool ignored(int signal)
{
	struct sigaction action;
	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* Whoever asks three times within moments means it; one ^C now and then does not add up. */
static bool has_lost_patience(struct supervision *s)
{
	uint64_t now = now_ns();
	s->impatience = now - s->last_asked_ns < SOON_NS ? s->impatience + 1 : 1;
	s->last_asked_ns = now;
	return s->impatience >= IMPATIENCE;
}

static void forward(struct supervision *s, int signal)
{
	if ((signal == SIGINT || signal == SIGTERM) && has_lost_patience(s))
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
			terminal_resize(s);
		else
			forward(s, signal);
		break;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		if (s->flags & SP_SUPERVISE_INIT)
			forward(s, signal);
		else
			terminal_stop(s);
		break;
	case SIGCONT:
		terminal_go_on(s);
		break;
	case SIGHUP:
		if (terminal_gone(s))
			terminal_hang_up(s);
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

static void prepare_poll(const struct supervision *s, struct pollfd *fds)
{
	fds[POLL_SIGNALS] = (struct pollfd){.fd = s->signals, .events = POLLIN};
	fds[POLL_CONTROL] = (struct pollfd){.fd = s->control, .events = POLLIN};
	terminal_poll(s, fds);
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
		terminal_ready(s, fds);
	}
	return 0;
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

/*
 * The code that has done its work so far need not stay: what the wait needs is a page or two, and those come back when
 * they are touched. A glibc build would hold 0.4 MB otherwise, as long as the container runs.
 */
static void release_code(void)
{
	extern char __executable_start[], etext[];
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)__executable_start + page - 1) & ~(page - 1);
	uintptr_t end = (uintptr_t)etext & ~(page - 1);
	if (end > start)
		madvise((void *)start, end - start, MADV_DONTNEED); /* private, and never written to: nothing is lost */
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
	int64_t result = flags & SP_SUPERVISE_TERMINAL ? terminal_start(&s) : 0;
	reap(&s); /* its SIGCHLD may have come before the signalfd */
	if (result == 0 && !s.ended) {
		release_code();
		result = watch(&s);
	}
	if (flags & SP_SUPERVISE_TERMINAL)
		terminal_end(&s);
	if (result == 0 && flags & SP_SUPERVISE_KILL_ORPHANS)
		result = kill_orphans(m);
	close(s.signals);
	return result < 0 ? result : m->wait_status;
}
