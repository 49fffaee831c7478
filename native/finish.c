/* The end of the first process: what happened is told to whoever asked, in the form that TypeScript decodes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor.h"

#define MAX_REPORTER_ARGUMENTS 16

/* The first report of another process is the cause; what this process met afterwards is the consequence. */
static void collect_failures(struct machine *m, struct sp_result *result)
{
	struct failure f, cause = m->failure;
	bool told = false;
	result->cleanup_step = -1;
	close(m->failure_write_fd);
	while (read(m->failure_fd, &f, sizeof f) == sizeof f) {
		if (f.janitor) {
			result->cleanup_step = f.step;
			result->cleanup_error = f.error;
		} else if (!told) {
			cause = f;
			told = true;
		}
	}
	result->failed_step = cause.step;
	result->error = cause.step >= 0 ? cause.error : 0;
	result->detail = cause.step >= 0 ? cause.detail : 0;
}

/* Signals are still blocked: a caller that has gone is an error here, and no SIGPIPE. */
static bool write_fully(int fd, const void *from, size_t size)
{
	const char *at = from;
	while (size > 0) {
		ssize_t n = write(fd, at, size);
		if (n < 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static _Noreturn void execute_reporter(struct machine *m, const struct sp_result *result, int code)
{
	char *argv[MAX_REPORTER_ARGUMENTS + 2] = {0}, number[16];
	char **reporter = m->program.pointers + m->program.header->reporter_vector;
	int n = 0;
	int fd = memfd_create("sampan-result", 0);
	if (fd < 0 || !write_fully(fd, result, sizeof *result) ||
	    !write_fully(fd, m->program.image, m->program.image_size))
		die("cannot keep the result for the report", errno);
	while (n < MAX_REPORTER_ARGUMENTS && reporter[n]) {
		argv[n] = reporter[n];
		n++;
	}
	snprintf(number, sizeof number, "%d", fd);
	argv[n] = number;
	restore_signals();
	execve(argv[0], argv, m->envp);
	dprintf(2, "sampan-executor: step %d failed: %s (and the program that explains it, %s, cannot be executed: %s)\n",
		result->failed_step, strerror(result->error), argv[0], strerror(errno));
	_exit(result->failed_step >= 0 ? 125 : code);
}

static bool was_killed(const struct sp_result *result)
{
	int status = result->wait_status;
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 128 + SIGKILL;
}

static bool report_wanted(const struct sp_header *h, const struct sp_result *result)
{
	if (result->failed_step >= 0 || result->cleanup_step >= 0 || h->report_when == SP_REPORT_ALWAYS)
		return true;
	if (h->report_when == SP_REPORT_UNSUCCESSFUL)
		return result->wait_status != 0;
	return h->report_when == SP_REPORT_KILLED && was_killed(result);
}

_Noreturn void finish(struct machine *m, int code)
{
	const struct sp_header *h = m->program.header;
	struct sp_result result = {
		.wait_status = m->supervised ? m->wait_status : code << 8,
		.supervised = m->supervised,
		.data_size = h->data_size,
		.started_ns = m->started_ns,
		.ended_ns = m->ended_ns ? m->ended_ns : now_ns(),
		.user_us = m->user_us,
		.system_us = m->system_us,
		.max_rss_kib = m->max_rss_kib,
	};
	memcpy(result.magic, SP_RESULT_MAGIC, sizeof result.magic);
	collect_failures(m, &result);
	bool failed = result.failed_step >= 0 || result.cleanup_step >= 0;
	if (m->control_fd >= 0) {
		bool sent = write_fully(m->control_fd, &result, sizeof result) &&
			    write_fully(m->control_fd, m->program.data, h->data_size);
		_exit(sent && result.failed_step < 0 ? code : 125);
	}
	if (h->reporter_vector != SP_VECTOR_END && report_wanted(h, &result))
		execute_reporter(m, &result, code);
	if (failed)
		dprintf(2, "sampan-executor: step %d failed: %s\n",
			result.failed_step >= 0 ? result.failed_step : result.cleanup_step,
			strerror(result.failed_step >= 0 ? result.error : result.cleanup_error));
	_exit(result.failed_step >= 0 ? 125 : code);
}
