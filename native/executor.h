/* The executor: performs a program of system calls, in order. It knows no policy and no containers.
 *
 * A program is read once, verified (verify.c), and interpreted (executor.c). Registers hold results; every register
 * starts at -1, so that "when rN" is false for a call that was never made. See ../docs/design/program.md. */
#ifndef SAMPAN_EXECUTOR_H
#define SAMPAN_EXECUTOR_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

struct program {
	const struct sp_header *header;
	const struct sp_op *ops;
	const uint32_t *vectors;
	unsigned char *data; /* private and writable: results of calls are stored here */
	unsigned char *image;
	size_t image_size;
	char **pointers; /* vectors as pointer arrays, built once after verification */
};

/* What a process that failed tells the first one, through a pipe: short enough to be written atomically. */
struct failure {
	int32_t step;
	int32_t error;
	int32_t detail; /* the wait status of a helper program, otherwise 0 */
	int32_t janitor;
};

enum role { ROLE_FIRST, ROLE_CHILD, ROLE_JANITOR };

struct machine {
	struct program program;
	int64_t registers[SP_REGISTERS];
	int failure_fd;       /* read end, in the first process only */
	int failure_write_fd; /* every process; close-on-exec */
	int control_fd;       /* socket to a library caller, or -1 */
	enum role role;
	pid_t janitor; /* of the first process: its janitor, or 0 */
	struct failure failure; /* the first failure of this process, step -1 when none */
	uint64_t started_ns;
	uint64_t ended_ns;
	uint64_t user_us;
	uint64_t system_us;
	uint64_t max_rss_kib;
	int32_t wait_status;
	bool supervised;
	char **envp;
};


/* Returns NULL, or a static sentence saying why the image is not a program. */
const char *program_open(struct program *program, unsigned char *image, size_t size);

/* Runs from `step` on; does not return. */
_Noreturn void machine_run(struct machine *machine, uint32_t step);

/* The control operations that are more than one system call. All return a result, or a negative errno. */
int64_t supervise(struct machine *machine, pid_t pid, unsigned flags, int master, const void *termios);
int64_t send_descriptor(int socket, int fd);
int64_t receive_descriptor(int socket);
int64_t execute_first(char *const *paths, char *const *argv, char *const *envp);
int64_t spawn_helper(struct machine *machine, char *const *argv);
int64_t become_janitor(int fd);
int64_t kill_cgroup(const char *folder);
int64_t copy_descriptor(int from, int to);

/* Ends the first process: delivers the result to the library's socket, or executes the reporter, or exits. */
_Noreturn void finish(struct machine *machine, int code);

/* Gets the program from the command line or the control socket; exits with a message when there is none. */
void load_program(struct machine *machine, int argc, char **argv);

/* Continues in a sealed copy of this executable; returns when this already is one (CVE-2019-5736). */
void seal_self(char **argv, char **envp);

_Noreturn void die(const char *what, int error);
uint64_t now_ns(void);
void restore_signals(void);
sigset_t all_signals(void);

#endif
