/* Life and death: signals, children, memory, time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static void pause_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static void sleep_ms(int argc, char **argv)
{
	(void)argc;
	/* whoever waits for this line knows that the command runs */
	json_bool("ready", true);
	json_close('}');
	end_line();
	pause_ms(atol(argv[0]));
	json_open(NULL, '{');
	json_bool("slept", true);
}

static void leave(int argc, char **argv)
{
	(void)argc;
	json_close('}');
	end_line();
	exit(atoi(argv[0]));
}

static void signal_self(int argc, char **argv)
{
	(void)argc;
	fflush(stdout);
	say_result(kill(getpid(), atoi(argv[0])) == 0);
}

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static void announce(void)
{
	json_bool("ready", true);
	json_close('}');
	end_line();
	json_open(NULL, '{');
}

/* trap COUNT: waits for COUNT signals and says which came. */
static void trap(int argc, char **argv)
{
	(void)argc;
	sigset_t all, none;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, s == SIGCHLD ? SIG_DFL : on_signal);
	announce();
	sigemptyset(&none);
	json_open("signals", '[');
	for (int i = atoi(argv[0]); i > 0; i--) {
		sigsuspend(&none);
		json_number(NULL, caught);
	}
	json_close(']');
}

/* deaf: ignores what can be ignored, for a minute. */
static void be_deaf(int argc, char **argv)
{
	(void)argc, (void)argv;
	for (int s = 1; s < NSIG; s++)
		signal(s, s == SIGCHLD ? SIG_DFL : SIG_IGN);
	announce();
	pause_ms(60000);
}

/* leave-behind COUNT MS: children in sessions of their own, which live on when this process ends. */
static void leave_behind(int argc, char **argv)
{
	(void)argc;
	int count = atoi(argv[0]);
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid != 0)
			continue;
		setsid();
		for (int s = 1; s < NSIG; s++)
			signal(s, SIG_IGN);
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		pause_ms(atol(argv[1]));
		_exit(0);
	}
	json_number("count", count);
}

/* orphan: a grandchild whose parent ends at once; then it ends too, and somebody has to reap it. */
static void make_orphan(int argc, char **argv)
{
	(void)argc, (void)argv;
	int status;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0) {
			pause_ms(50);
			_exit(0);
		}
		_exit(0);
	}
	waitpid(child, &status, 0);
	pause_ms(200);
	json_bool("reapedOwn", true);
}

/* zombies: how many processes in /proc have ended and were not waited for. */
static void count_zombies(int argc, char **argv)
{
	(void)argc, (void)argv;
	int count = 0;
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		char path[300];
		if (atoi(entry->d_name) <= 0)
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		char *text = slurp(path, NULL);
		char *end = text ? strrchr(text, ')') : NULL;
		count += end && end[2] == 'Z';
	}
	if (proc)
		closedir(proc);
	json_number("count", count);
}

/* fork COUNT: how many children there can be at once. */
static void fork_many(int argc, char **argv)
{
	(void)argc;
	int wanted = atoi(argv[0]), made = 0;
	pid_t pid = 0;
	fflush(stdout);
	while (made < wanted && (pid = fork()) > 0)
		made++;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	int error = errno;
	kill(0, 0);
	errno = error;
	say_result(made == wanted);
	json_number("made", made);
}

/* alloc MEBIBYTES: memory that is really there. */
static void allocate(int argc, char **argv)
{
	(void)argc;
	size_t size = (size_t)atol(argv[0]) << 20;
	fflush(stdout);
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED)
		for (size_t at = 0; at < size; at += 4096)
			memory[at] = 1;
	say_result(memory != MAP_FAILED);
}

/* spin MS: CPU time. */
static void spin(int argc, char **argv)
{
	(void)argc;
	struct timespec t;
	long limit = atol(argv[0]);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < limit);
}

/* exec FILE ARGUMENT...: becomes another program. */
static void become(int argc, char **argv)
{
	(void)argc;
	json_close('}');
	end_line();
	execv(argv[0], argv);
	json_open(NULL, '{');
	say_result(false);
}

static void window_size(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct winsize size;
	bool good = ioctl(0, TIOCGWINSZ, &size) == 0;
	say_result(good);
	if (!good)
		return;
	json_number("columns", size.ws_col);
	json_number("rows", size.ws_row);
}

const struct action PROCESS_ACTS[] = {
	{"sleep", 1, sleep_ms},
	{"exit", 1, leave},
	{"kill-self", 1, signal_self},
	{"trap", 1, trap},
	{"deaf", 0, be_deaf},
	{"leave-behind", 2, leave_behind},
	{"orphan", 0, make_orphan},
	{"zombies", 0, count_zombies},
	{"fork", 1, fork_many},
	{"alloc", 1, allocate},
	{"spin", 1, spin},
	{"exec", 1, become},
	{"window", 0, window_size},
	{NULL, 0, NULL},
};
