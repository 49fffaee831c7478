/* What a process is, and what surrounds it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

extern char **environ;

static void say_link(const char *key, const char *path)
{
	char target[4096];
	ssize_t n = readlink(path, target, sizeof target);
	if (n < 0)
		json_null(key);
	else
		json_bytes(key, target, (size_t)n);
}

static void say_identity(void)
{
	uid_t u[3];
	gid_t g[3], groups[256];
	getresuid(&u[0], &u[1], &u[2]);
	getresgid(&g[0], &g[1], &g[2]);
	json_number("pid", getpid());
	json_number("ppid", getppid());
	json_number("sid", getsid(0));
	json_number("pgid", getpgid(0));
	json_number("uid", u[0]);
	json_number("euid", u[1]);
	json_number("suid", u[2]);
	json_number("gid", g[0]);
	json_number("egid", g[1]);
	json_open("groups", '[');
	int count = getgroups(256, groups);
	for (int i = 0; i < count; i++)
		json_number(NULL, groups[i]);
	json_close(']');
}

/* The lines of /proc/self/status whose names are of interest, as texts. */
static void say_status(void)
{
	static const char *const wanted[] = {
		"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "SigCgt", "Umask",
	};
	json_open("status", '{');
	char *text = slurp("/proc/self/status", NULL);
	for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = 0;
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			if (strcmp(line, wanted[i]) == 0)
				json_text(line, colon + 1 + strspn(colon + 1, " \t"));
	}
	json_close('}');
	json_number("noNewPrivs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	int death = 0;
	prctl(PR_GET_PDEATHSIG, &death);
	json_number("deathSignal", death);
}

/* Without /proc, the same from sigprocmask(2) and sigaction(2). */
static void say_signals(void)
{
	sigset_t blocked;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	json_open("blockedSignals", '[');
	for (int s = 1; s < NSIG; s++)
		if (sigismember(&blocked, s) == 1)
			json_number(NULL, s);
	json_close(']');
	json_open("ignoredSignals", '[');
	for (int s = 1; s < NSIG; s++) {
		struct sigaction action;
		if (sigaction(s, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			json_number(NULL, s);
	}
	json_close(']');
}

static void say_names(void)
{
	struct utsname names;
	char folder[8192];
	uname(&names);
	json_text("hostname", names.nodename);
	json_text("domainname", names.domainname);
	if (getcwd(folder, sizeof folder))
		json_text("cwd", folder);
	else
		json_null("cwd");
	mode_t mask = umask(0);
	umask(mask);
	json_number("umask", mask);
}

static void say_namespaces(void)
{
	static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
	json_open("namespaces", '{');
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
		say_link(kinds[i], path);
	}
	json_close('}');
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	default:
		return "unknown";
	}
}

/* fcntl(2) finds what is open without needing /proc. */
static void say_descriptors(void)
{
	json_open("descriptors", '{');
	for (int fd = 0; fd < 1024; fd++) {
		char name[16], path[64];
		struct stat st;
		if (fcntl(fd, F_GETFD) < 0 || fstat(fd, &st) < 0)
			continue;
		snprintf(name, sizeof name, "%d", fd);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		json_open(name, '{');
		json_text("kind", kind_of(st.st_mode));
		json_bool("terminal", isatty(fd) == 1);
		say_link("target", path);
		json_close('}');
	}
	json_close('}');
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	json_bool("controllingTerminal", tty >= 0);
	if (tty >= 0)
		close(tty);
}

static void say_lines(const char *key, const char *path)
{
	json_open(key, '[');
	char *text = slurp(path, NULL);
	for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n"))
		json_text(NULL, line);
	json_close(']');
}

static void say_limits(void)
{
	static const char *const names[] = {
		"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
		"msgqueue", "nice", "rtprio", "rttime",
	};
	json_open("limits", '{');
	for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
		struct rlimit limit;
		if (prlimit(0, i, NULL, &limit) < 0)
			continue;
		json_open(names[i], '[');
		json_number(NULL, limit.rlim_cur == RLIM_INFINITY ? -1 : (long long)limit.rlim_cur);
		json_number(NULL, limit.rlim_max == RLIM_INFINITY ? -1 : (long long)limit.rlim_max);
		json_close(']');
	}
	json_close('}');
}

static void say_environment(void)
{
	json_open("environment", '[');
	for (char **entry = environ; *entry; entry++)
		json_text(NULL, *entry);
	json_close(']');
}

static void say_clock(const char *key, clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	json_number(key, (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void say_interfaces(void)
{
	struct ifaddrs *list;
	json_open("interfaces", '{');
	if (getifaddrs(&list) == 0) {
		for (struct ifaddrs *i = list; i; i = i->ifa_next) {
			if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET)
				continue;
			json_open(i->ifa_name, '{');
			json_bool("up", i->ifa_flags & IFF_UP);
			json_bool("running", i->ifa_flags & IFF_RUNNING);
			json_bool("loopback", i->ifa_flags & IFF_LOOPBACK);
			json_close('}');
		}
		freeifaddrs(list);
	}
	json_close('}');
}

static void say_file(const char *key, const char *path)
{
	char *text = slurp(path, NULL);
	if (!text) {
		json_null(key);
		return;
	}
	text[strcspn(text, "\n")] = 0;
	json_text(key, text);
}

static void say_processes(void)
{
	json_open("processes", '[');
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));)
		if (atoi(entry->d_name) > 0)
			json_number(NULL, atoi(entry->d_name));
	if (proc)
		closedir(proc);
	json_close(']');
}

static void look(int argc, char **argv)
{
	(void)argc, (void)argv;
	say_identity();
	say_names();
	say_signals();
	say_status();
	say_namespaces();
	say_descriptors();
	say_lines("mounts", "/proc/self/mountinfo");
	say_lines("cgroups", "/proc/self/cgroup");
	say_lines("uidMap", "/proc/self/uid_map");
	say_lines("gidMap", "/proc/self/gid_map");
	say_limits();
	say_environment();
	say_file("oomScoreAdj", "/proc/self/oom_score_adj");
	say_clock("monotonicMs", CLOCK_MONOTONIC);
	say_clock("boottimeMs", CLOCK_BOOTTIME);
	say_clock("realtimeMs", CLOCK_REALTIME);
	say_interfaces();
	say_processes();
}

static void look_at(int argc, char **argv)
{
	(void)argc;
	struct stat st;
	json_text("path", argv[0]);
	if (lstat(argv[0], &st) < 0) {
		say_result(false);
		return;
	}
	say_result(true);
	json_text("kind", kind_of(st.st_mode));
	json_number("mode", st.st_mode & 07777);
	json_number("uid", st.st_uid);
	json_number("gid", st.st_gid);
	json_number("size", st.st_size);
	json_number("device", (long long)st.st_rdev);
	json_bool("readable", access(argv[0], R_OK) == 0);
	json_bool("writable", access(argv[0], W_OK) == 0);
	say_link("target", argv[0]);
}

const struct action LOOKS[] = {{"look", 0, look}, {"stat", 1, look_at}, {NULL, 0, NULL}};
