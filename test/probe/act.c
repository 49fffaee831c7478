/* Attempts on files, mounts, names and sockets: each says how the kernel answered. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static void write_file(int argc, char **argv)
{
	(void)argc;
	int fd = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good = fd >= 0 && write(fd, argv[1], strlen(argv[1])) == (ssize_t)strlen(argv[1]);
	say_result(good);
	if (fd >= 0)
		close(fd);
}

static void read_file(int argc, char **argv)
{
	(void)argc;
	size_t size;
	char *text = slurp(argv[0], &size);
	say_result(text != NULL);
	if (text)
		json_bytes("text", text, size);
}

/* read-some PATH: sixteen bytes, of a device perhaps. */
static void read_some(int argc, char **argv)
{
	(void)argc;
	char bytes[16];
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
	say_result(n >= 0);
	if (n >= 0)
		json_bytes("text", bytes, (size_t)n);
	if (fd >= 0)
		close(fd);
}

/* input: all of standard input. */
static void read_input(int argc, char **argv)
{
	(void)argc, (void)argv;
	static char text[1 << 16];
	size_t have = 0;
	ssize_t n;
	while ((n = read(0, text + have, sizeof text - have)) > 0)
		have += (size_t)n;
	say_result(n == 0);
	json_bytes("text", text, have);
}

static void list_folder(int argc, char **argv)
{
	(void)argc;
	DIR *folder = opendir(argv[0]);
	say_result(folder != NULL);
	json_open("names", '[');
	for (struct dirent *entry; folder && (entry = readdir(folder));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			json_text(NULL, entry->d_name);
	json_close(']');
	if (folder)
		closedir(folder);
}

static void remove_file(int argc, char **argv)
{
	(void)argc;
	say_result(remove(argv[0]) == 0);
}

static void make_folder(int argc, char **argv)
{
	(void)argc;
	say_result(mkdir(argv[0], 0755) == 0);
}

static void change_owner(int argc, char **argv)
{
	(void)argc;
	say_result(lchown(argv[0], (uid_t)atoi(argv[1]), (gid_t)atoi(argv[2])) == 0);
}

static void change_mode(int argc, char **argv)
{
	(void)argc;
	say_result(chmod(argv[0], (mode_t)strtol(argv[1], NULL, 8)) == 0);
}

/* mknod PATH MAJOR MINOR: a character device, which is then opened. */
static void make_node(int argc, char **argv)
{
	(void)argc;
	dev_t device = makedev((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]));
	say_result(mknod(argv[0], S_IFCHR | 0666, device) == 0);
}

/* fill PATH: writes zeros until there is no room, and says how many bytes fitted. */
static void fill(int argc, char **argv)
{
	(void)argc;
	static char block[1 << 16];
	long long total = 0;
	int fd = open(argv[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : 0;
	while (fd >= 0 && total < (1LL << 28) && (n = write(fd, block, sizeof block)) > 0)
		total += n;
	say_result(n >= 0);
	json_number("bytes", total);
	if (fd >= 0)
		close(fd);
}

static void file_system(int argc, char **argv)
{
	(void)argc;
	struct statvfs fs;
	bool good = statvfs(argv[0], &fs) == 0;
	say_result(good);
	if (!good)
		return;
	json_number("bytes", (long long)fs.f_blocks * (long long)fs.f_frsize);
	json_bool("readOnly", fs.f_flag & ST_RDONLY);
	json_bool("noexec", fs.f_flag & ST_NOEXEC);
	json_bool("nosuid", fs.f_flag & ST_NOSUID);
	json_bool("nodev", fs.f_flag & ST_NODEV);
}

/* mount TYPE TARGET */
static void mount_type(int argc, char **argv)
{
	(void)argc;
	say_result(mount("none", argv[1], argv[0], 0, NULL) == 0);
}

static void unmount(int argc, char **argv)
{
	(void)argc;
	say_result(umount2(argv[0], MNT_DETACH) == 0);
}

/* remount-rw TARGET: an attempt to take a read-only flag away. */
static void remount(int argc, char **argv)
{
	(void)argc;
	say_result(mount(NULL, argv[0], NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
}

static void set_host_name(int argc, char **argv)
{
	(void)argc;
	say_result(sethostname(argv[0], strlen(argv[0])) == 0);
}

/* A server and a client on 127.0.0.1. */
static void use_loopback(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	say_result(bind(server, (struct sockaddr *)&address, size) == 0 && listen(server, 1) == 0 &&
		   getsockname(server, (struct sockaddr *)&address, &size) == 0 &&
		   connect(client, (struct sockaddr *)&address, size) == 0);
	close(client);
	close(server);
}

/* connect ADDRESS: whether there is a way to it at all (UDP sends nothing). */
static void find_route(int argc, char **argv)
{
	(void)argc;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	inet_pton(AF_INET, argv[0], &address.sin_addr);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	say_result(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	close(fd);
}

/* Typing into the terminal of the one who started the container (CVE-2016-2568 and its siblings). */
static void type_into_terminal(int argc, char **argv)
{
	(void)argc, (void)argv;
	bool typed = false;
	for (int fd = 0; fd < 3; fd++)
		typed |= ioctl(fd, TIOCSTI, "x") == 0;
	json_bool("typed", typed);
}

/* wait-for PATH: until it is there, for ten seconds. */
static void wait_for(int argc, char **argv)
{
	(void)argc;
	struct timespec pause = {.tv_nsec = 5000000};
	struct stat st;
	bool there = false;
	for (int i = 0; i < 2000 && !there; i++) {
		there = lstat(argv[0], &st) == 0;
		if (!there)
			nanosleep(&pause, NULL);
	}
	say_result(there);
}

/* A nested user namespace, which gives all capabilities over itself. */
static void nest(int argc, char **argv)
{
	(void)argc, (void)argv;
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
	int status = 0;
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	say_result(WEXITSTATUS(status) == 0);
}

static void set_limit_of_clock(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	say_result(syscall(SYS_clock_settime, CLOCK_REALTIME, &t) == 0);
}

const struct action ACTS[] = {
	{"write", 2, write_file},
	{"read", 1, read_file},
	{"read-some", 1, read_some},
	{"input", 0, read_input},
	{"list", 1, list_folder},
	{"remove", 1, remove_file},
	{"mkdir", 1, make_folder},
	{"chown", 3, change_owner},
	{"chmod", 2, change_mode},
	{"mknod", 3, make_node},
	{"fill", 1, fill},
	{"statfs", 1, file_system},
	{"mount", 2, mount_type},
	{"umount", 1, unmount},
	{"remount-rw", 1, remount},
	{"sethostname", 1, set_host_name},
	{"loopback", 0, use_loopback},
	{"route", 1, find_route},
	{"tiocsti", 0, type_into_terminal},
	{"wait-for", 1, wait_for},
	{"nest", 0, nest},
	{"settime", 0, set_limit_of_clock},
	{NULL, 0, NULL},
};
