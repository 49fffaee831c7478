/* The interpreter: one operation after the other, until an exit. */
#define _GNU_SOURCE
#include "executor.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RETRY_STEP_NS 500000L
#define RETRY_LIMIT 4000 /* × 0.5 ms = 2 s */

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void write_decimal(unsigned char *at, int64_t value, unsigned char pad)
{
	unsigned char digits[SP_DECIMAL_WIDTH];
	size_t n = 0;
	uint64_t rest = value < 0 ? 0 : (uint64_t)value;
	do {
		digits[n++] = (unsigned char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0 && n < sizeof digits);
	for (size_t i = 0; i < SP_DECIMAL_WIDTH; i++)
		at[i] = i < n ? digits[n - 1 - i] : pad;
}

static void fill_before(struct machine *m, const struct sp_op *op)
{
	for (unsigned i = 0; i < op->fill_count; i++) {
		const struct sp_fill *fill = &op->fills[i];
		unsigned char *at = m->program.data + fill->at;
		int64_t value = m->registers[fill->reg];
		switch (fill->as) {
		case SP_FILL_U32: {
			uint32_t narrow = (uint32_t)value;
			memcpy(at, &narrow, sizeof narrow);
			break;
		}
		case SP_FILL_U64:
			memcpy(at, &value, sizeof value);
			break;
		case SP_FILL_TEXT:
			write_decimal(at, value, 0);
			at[SP_DECIMAL_WIDTH] = 0;
			break;
		case SP_FILL_PADDED:
			write_decimal(at, value, '\n'); /* what a shell's $(cat FILE) drops */
			break;
		default:
			break;
		}
	}
}

static void load_after(struct machine *m, const struct sp_op *op)
{
	for (unsigned i = 0; i < op->fill_count; i++) {
		int32_t value;
		if (op->fills[i].as != SP_FILL_LOAD)
			continue;
		memcpy(&value, m->program.data + op->fills[i].at, sizeof value);
		m->registers[op->fills[i].reg] = value;
	}
}

static int64_t argument(const struct machine *m, const struct sp_op *op, unsigned i)
{
	uint64_t value = op->arguments[i];
	switch (op->kinds[i]) {
	case SP_ARG_REGISTER:
		return m->registers[value];
	case SP_ARG_DATA:
		return (int64_t)(uintptr_t)(m->program.data + (value & 0xffffffffu));
	case SP_ARG_VECTOR:
		return (int64_t)(uintptr_t)(m->program.pointers + value);
	default:
		return (int64_t)value;
	}
}

static int64_t do_syscall(const struct machine *m, const struct sp_op *op)
{
	int64_t a[SP_ARGUMENTS] = {0};
	for (unsigned i = 0; i < op->argument_count; i++)
		a[i] = argument(m, op, i);
	long result = syscall(op->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return result < 0 ? -errno : result;
}

/* The user's environment holds what a container must not know, and /proc/1/environ shows it when this process stays as
 * the init of one. */
static void forget_environment(struct machine *m)
{
	for (char **entry = m->envp; *entry; entry++)
		memset(*entry, 0, strlen(*entry));
	*m->envp = NULL;
}

/* Returns 0 in the child. */
static int64_t do_fork(struct machine *m, const struct sp_op *op)
{
	int pidfd = -1;
	uint64_t pidfd_register = op->arguments[3];
	int64_t cgroup = argument(m, op, 2);
	struct clone_args args = {
		.flags = op->arguments[0] | (pidfd_register == SP_NONE ? 0 : (uint64_t)CLONE_PIDFD),
		.pidfd = (uintptr_t)&pidfd,
		/* clone(2): with CLONE_PARENT the signal is the parent's own */
		.exit_signal = op->arguments[0] & CLONE_PARENT ? 0 : SIGCHLD,
	};
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		m->role = op->arguments[4] == SP_ROLE_JANITOR ? ROLE_JANITOR : ROLE_CHILD;
		m->control_fd = -1; /* never close it here: the copy is close-on-exec */
		if (m->role == ROLE_CHILD)
			forget_environment(m);
		return 0;
	}
	if (pidfd_register != SP_NONE)
		m->registers[pidfd_register] = pidfd;
	if (op->arguments[4] == SP_ROLE_JANITOR)
		m->janitor = (pid_t)pid;
	return pid;
}

static int64_t do_post(int fd)
{
	ssize_t n = send(fd, "", 1, MSG_NOSIGNAL);
	return n == 1 ? 0 : -errno;
}

static int64_t do_wait(int fd)
{
	char byte;
	ssize_t n = read(fd, &byte, 1);
	return n == 1 ? 0 : n == 0 ? -EPIPE : -errno;
}

static int exit_code(const struct sp_op *op, int64_t value)
{
	int status = (int)value;
	if (op->kinds[0] == SP_ARG_NUMBER)
		return status;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static _Noreturn void do_exit(struct machine *m, const struct sp_op *op)
{
	int code = exit_code(op, argument(m, op, 0));
	if (m->role == ROLE_FIRST)
		finish(m, code);
	if (m->role == ROLE_JANITOR && m->failure.step >= 0)
		(void)!write(m->failure_write_fd, &m->failure, sizeof m->failure);
	_exit(code);
}

static int64_t perform(struct machine *m, const struct sp_op *op)
{
	switch (op->op) {
	case SP_OP_SYSCALL:
		return do_syscall(m, op);
	case SP_OP_FORK:
		return do_fork(m, op);
	case SP_OP_EXIT:
		do_exit(m, op);
	case SP_OP_POST:
		return do_post((int)argument(m, op, 0));
	case SP_OP_WAIT:
		return do_wait((int)argument(m, op, 0));
	case SP_OP_SENDFD:
		return send_descriptor((int)argument(m, op, 0), (int)argument(m, op, 1));
	case SP_OP_RECVFD:
		return receive_descriptor((int)argument(m, op, 0));
	case SP_OP_EXEC: {
		char **pointers = m->program.pointers;
		return execute_first(pointers + op->arguments[0], pointers + op->arguments[1], pointers + op->arguments[2]);
	}
	case SP_OP_SPAWN:
		return spawn_helper(m, m->program.pointers + op->arguments[0]);
	case SP_OP_SUPERVISE:
		return supervise(m, (pid_t)argument(m, op, 0), (unsigned)op->arguments[1], (int)argument(m, op, 2),
				 (const void *)(uintptr_t)argument(m, op, 3));
	case SP_OP_JANITOR:
		return become_janitor((int)argument(m, op, 0));
	case SP_OP_KILLCG:
		return kill_cgroup((const char *)(uintptr_t)argument(m, op, 0));
	case SP_OP_COPY:
		return copy_descriptor((int)argument(m, op, 0), (int)argument(m, op, 1));
	default:
		return -ENOSYS;
	}
}

/*
 * openat2(2), EAGAIN: with RESOLVE_IN_ROOT a `..` that meets a rename or mount anywhere on the machine cannot be shown
 * to be safe, and is to be tried again.
 */
static bool to_be_repeated(const struct sp_op *op, int64_t result)
{
	if (result == -EAGAIN)
		return op->op == SP_OP_SYSCALL && op->nr == SYS_openat2;
	return result == -EBUSY && op->flags & SP_FLAG_RETRY_BUSY;
}

static int64_t perform_patiently(struct machine *m, const struct sp_op *op)
{
	int64_t result = perform(m, op);
	struct timespec pause = {.tv_nsec = RETRY_STEP_NS};
	for (int i = 0; to_be_repeated(op, result) && i < RETRY_LIMIT; i++) {
		nanosleep(&pause, NULL);
		result = perform(m, op);
	}
	return result;
}

static bool accepted(const struct sp_op *op, int64_t result)
{
	for (unsigned i = 0; i < SP_ACCEPTED; i++)
		if (op->accepted[i] != 0 && -result == op->accepted[i])
			return true;
	return false;
}

static bool skipped(const struct machine *m, const struct sp_op *op)
{
	if (op->condition == SP_COND_WHEN)
		return m->registers[op->condition_register] < 0;
	if (op->condition == SP_COND_UNLESS)
		return m->registers[op->condition_register] >= 0;
	return false;
}

/* Returns the step to go on with. */
static uint32_t after_failure(struct machine *m, uint32_t step, int64_t result)
{
	const struct sp_op *op = &m->program.ops[step];
	struct failure failure = {
		.step = (int32_t)step,
		.error = (int32_t)-result,
		.detail = op->op == SP_OP_SPAWN ? m->wait_status : 0,
		.janitor = m->role == ROLE_JANITOR,
	};
	/* The janitor stops where it cannot go on: what is left, the record above all, tells the next command. */
	if (m->role == ROLE_JANITOR && !(op->flags & SP_FLAG_GO_ON)) {
		(void)!write(m->failure_write_fd, &failure, sizeof failure);
		_exit(1);
	}
	bool first = m->failure.step < 0;
	if (m->role == ROLE_CHILD && !(op->flags & SP_FLAG_GO_ON)) {
		(void)!write(m->failure_write_fd, &failure, sizeof failure);
		_exit(125);
	}
	if (first)
		m->failure = failure;
	bool final_part = step >= m->program.header->finally_step;
	if (m->role == ROLE_FIRST && !final_part && !(op->flags & SP_FLAG_GO_ON))
		return m->program.header->finally_step;
	return step + 1;
}

_Noreturn void machine_run(struct machine *m, uint32_t step)
{
	for (;;) {
		const struct sp_op *op = &m->program.ops[step];
		if (skipped(m, op)) {
			/* a call that was not made has no result, but a condition keeps its own */
			if (op->result != SP_NONE && op->result != op->condition_register)
				m->registers[op->result] = -1;
			step++;
			continue;
		}
		fill_before(m, op);
		int64_t result = perform_patiently(m, op);
		if (result < 0 && !accepted(op, result)) {
			step = after_failure(m, step, result);
			continue;
		}
		if (result >= 0)
			load_after(m, op);
		if (op->op == SP_OP_FORK && result == 0) {
			step = (uint32_t)op->arguments[1];
			continue;
		}
		if (op->result != SP_NONE)
			m->registers[op->result] = result;
		step++;
	}
}

int main(int argc, char **argv, char **envp)
{
	static struct machine machine = {
		.failure = {.step = -1}, .control_fd = -1, .failure_fd = -1, .failure_write_fd = -1, .role = ROLE_FIRST,
	};
	struct machine *m = &machine;
	seal_self(argv, envp);
	sigset_t all = all_signals();
	sigprocmask(SIG_SETMASK, &all, NULL);
	m->envp = envp;
	m->started_ns = now_ns();
	for (unsigned i = 0; i < SP_REGISTERS; i++)
		m->registers[i] = -1;
	load_program(m, argc, argv);
	prctl(PR_SET_NAME, "sampan");
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		die("pipe2", errno);
	m->failure_fd = ends[0];
	m->failure_write_fd = ends[1];
	machine_run(m, 0);
}
