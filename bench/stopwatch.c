/* Runs commands in turns (A B C, A B C, ...) and prints what each run took, in order.
 *
 *   stopwatch RUNS WARMUP [-n NAMESPACE] [-d FOLDER] COMMAND... ';' [[-n ...] [-d ...] COMMAND... ';']...
 *
 * One line a run: the command's number, wall and CPU time in microseconds. NAMESPACE is a mount namespace to run in
 * (a file of /proc/PID/ns). An argument {} becomes a number that no run before had. A small static program, because forking a JavaScript engine would be most of the time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS 32

struct command {
	char **argv;
	const char *folder;
	int mounts; /* descriptor of a mount namespace, or -1 */
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static long long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long long cpu_us(const struct rusage *u)
{
	return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000LL + u->ru_utime.tv_usec + u->ru_stime.tv_usec;
}

static _Noreturn void become(const struct command *c, int null, int serial)
{
	char number[16];
	snprintf(number, sizeof number, "%d", serial);
	for (char **argument = c->argv; *argument; argument++)
		if (!strcmp(*argument, "{}"))
			*argument = number;
	if (c->mounts >= 0 && setns(c->mounts, CLONE_NEWNS) < 0)
		fail("setns");
	if (c->folder && chdir(c->folder) < 0)
		fail(c->folder);
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
		fail("dup2");
	execvp(c->argv[0], c->argv);
	fail(c->argv[0]);
}

static void run_once(const struct command *c, int number, int null, int serial, int print)
{
	struct rusage usage;
	int status;
	long long start = now_us();
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		become(c, null, serial);
	if (wait4(pid, &status, 0, &usage) < 0)
		fail("wait4");
	long long took = now_us() - start;
	if (status != 0) {
		fprintf(stderr, "stopwatch: %s: ended with wait status 0x%x\n", c->argv[0], (unsigned)status);
		_exit(1);
	}
	if (print)
		printf("%d %lld %lld\n", number, took, cpu_us(&usage));
}

static int parse(char **at, struct command *commands)
{
	int count = 0;
	while (*at && count < MAX_COMMANDS) {
		struct command *c = &commands[count++];
		*c = (struct command){.mounts = -1};
		for (; at[0] && at[1] && (!strcmp(at[0], "-n") || !strcmp(at[0], "-d")); at += 2) {
			if (at[0][1] == 'd')
				c->folder = at[1];
			else if ((c->mounts = open(at[1], O_RDONLY | O_CLOEXEC)) < 0)
				fail(at[1]);
		}
		c->argv = at;
		while (*at && strcmp(*at, ";"))
			at++;
		if (*at)
			*at++ = NULL;
	}
	return count;
}

int main(int argc, char **argv)
{
	struct command commands[MAX_COMMANDS];
	if (argc < 4) {
		fprintf(stderr, "usage: stopwatch RUNS WARMUP [-n NAMESPACE] [-d FOLDER] COMMAND... ';' ...\n");
		return 2;
	}
	int runs = atoi(argv[1]), warmup = atoi(argv[2]);
	int count = parse(argv + 3, commands);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = -warmup; i < runs; i++)
		for (int c = 0; c < count; c++)
			run_once(&commands[c], c, null, i + warmup, i >= 0);
	return 0;
}
