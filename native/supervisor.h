/* What supervision consists of: the process that is watched (supervisor.c), and its terminal (terminal.c). */
#ifndef SAMPAN_SUPERVISOR_H
#define SAMPAN_SUPERVISOR_H

#include <poll.h>
#include <termios.h>

#include "executor.h"

#define RELAY_SIZE 8192
#define IMPATIENCE 3 /* this many SIGINT or SIGTERM, each soon after the last, end a process that does not listen */
#define SOON_NS 2000000000u
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
	uint64_t last_asked_ns;
	bool ended;
	int control; /* the library's socket while it has not been heard of, then -1 */
	struct relay input, output;
	unsigned char buffers[2][RELAY_SIZE];
};

enum { POLL_SIGNALS, POLL_CONTROL, POLL_INPUT, POLL_OUTPUT, POLL_MASTER, POLL_COUNT };

/* Before and after: the user's terminal becomes raw, and what is left in the pty is written. */
int64_t terminal_start(struct supervision *s);
void terminal_end(struct supervision *s);

/* The relay, for one round of poll(2). */
void terminal_poll(const struct supervision *s, struct pollfd *fds);
void terminal_ready(struct supervision *s, const struct pollfd *fds);

/* Whether the user's terminal has hung up, and what that means for the container. */
bool terminal_gone(const struct supervision *s);
void terminal_hang_up(struct supervision *s);

void terminal_resize(const struct supervision *s);

/* A stop of this process by job control, and its end. */
void terminal_stop(const struct supervision *s);
void terminal_go_on(const struct supervision *s);

#endif
