/* Plays the user at a terminal: runs a command on a new pty, follows a script, and says how it went as one line of JSON.
 *
 *     pty-driver TRANSCRIPT COMMAND...    < SCRIPT
 *
 * TRANSCRIPT is the file that takes everything the terminal showed. A line of the script is a word and its arguments:
 *
 *     expect TEXT       until TEXT comes after what was expected before
 *     send TEXT         types it; \r \n \t \\ and \xNN are understood, here and in expect
 *     send-file PATH    types a whole file
 *     size ROWS COLS    the window changes
 *     signal NUMBER     to the command
 *     until raw|cooked  until the user's terminal is
 *     stopped           until the command is stopped
 *     ended             until the command has ended
 *     look away         does not read the terminal any more; `look here` does again
 *     hang up           closes the terminal
 *     pause MS
 *     note              keeps the terminal's settings of this moment
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 15000
#define MAX_NOTES 16
#define MAX_LINE 65536

struct session {
	int master, slave;
	pid_t pid;
	char *shown;
	size_t size, room, expected; /* what was expected ends there */
	bool away, ended, stopped;
	int status;
	struct termios notes[MAX_NOTES];
	int note_count;
	long long deadline;
};

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "pty-driver: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void look_for_changes(struct session *s)
{
	int status;
	while (!s->ended && waitpid(s->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == s->pid) {
		s->stopped = WIFSTOPPED(status);
		s->ended = WIFEXITED(status) || WIFSIGNALED(status);
		s->status = status;
	}
}

static bool read_some(struct session *s)
{
	if (s->room - s->size < 65536) {
		s->room = s->room * 2 + 131072;
		s->shown = realloc(s->shown, s->room);
		if (!s->shown)
			fail("out of memory");
	}
	ssize_t n = read(s->master, s->shown + s->size, 65536);
	if (n <= 0)
		return false;
	s->size += (size_t)n;
	return true;
}

/* Lets a little time pass, and reads what comes. */
static void pump(struct session *s, short more)
{
	struct pollfd fd = {.fd = s->master, .events = (short)((s->away ? 0 : POLLIN) | more)};
	if (s->master < 0 || fd.events == 0)
		usleep(5000);
	else if (poll(&fd, 1, 5) > 0 && fd.revents & POLLIN && !s->away)
		read_some(s);
	look_for_changes(s);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : 0;
}

/* In place; returns the length. */
static size_t unescape(char *text)
{
	char *to = text;
	for (char *at = text; *at; at++) {
		if (*at != '\\' || !at[1]) {
			*to++ = *at;
			continue;
		}
		switch (*++at) {
		case 'r': *to++ = '\r'; break;
		case 'n': *to++ = '\n'; break;
		case 't': *to++ = '\t'; break;
		case 'x':
			if (at[1] && at[2]) {
				*to++ = (char)(hex(at[1]) * 16 + hex(at[2]));
				at += 2;
			}
			break;
		default: *to++ = *at;
		}
	}
	*to = 0;
	return (size_t)(to - text);
}

static bool found(struct session *s, const char *text, size_t length)
{
	if (s->size < s->expected + length)
		return false;
	char *at = memmem(s->shown + s->expected, s->size - s->expected, text, length);
	if (at)
		s->expected = (size_t)(at - s->shown) + length;
	return at != NULL;
}

static bool expect_text(struct session *s, const char *text, size_t length)
{
	while (now_ms() < s->deadline) {
		if (found(s, text, length))
			return true;
		if (s->ended && !s->away && !read_some(s))
			return found(s, text, length);
		pump(s, 0);
	}
	return false;
}

static bool type_text(struct session *s, const char *text, size_t length)
{
	while (length > 0 && now_ms() < s->deadline) {
		ssize_t n = write(s->master, text, length);
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
		pump(s, n < 0 ? POLLOUT : 0);
	}
	return length == 0;
}

static bool type_file(struct session *s, const char *path)
{
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	char *text = malloc(64u << 20);
	size_t n = text ? fread(text, 1, 64u << 20, file) : 0;
	bool good = type_text(s, text, n);
	free(text);
	fclose(file);
	return good;
}

static bool is_raw(const struct session *s)
{
	struct termios t;
	return tcgetattr(s->slave, &t) == 0 && !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static bool until(struct session *s, bool raw)
{
	while (is_raw(s) != raw && now_ms() < s->deadline)
		pump(s, 0);
	return is_raw(s) == raw;
}

static bool until_flag(struct session *s, const bool *flag)
{
	while (!*flag && now_ms() < s->deadline)
		pump(s, 0);
	return *flag;
}

static void rest(struct session *s, long long ms)
{
	for (long long end = now_ms() + ms; now_ms() < end;)
		pump(s, 0);
}

static bool note(struct session *s)
{
	return s->note_count < MAX_NOTES && tcgetattr(s->slave, &s->notes[s->note_count++]) == 0;
}

static bool resize(const struct session *s, const char *text)
{
	struct winsize size = {0};
	char *end;
	size.ws_row = (unsigned short)strtol(text, &end, 10);
	size.ws_col = (unsigned short)strtol(end, NULL, 10);
	return ioctl(s->master, TIOCSWINSZ, &size) == 0;
}

static bool hang_up(struct session *s)
{
	close(s->master);
	s->master = -1;
	return true;
}

static bool perform(struct session *s, char *line)
{
	char *rest_of = line + strcspn(line, " ");
	if (*rest_of)
		*rest_of++ = 0;
	if (strcmp(line, "expect") == 0)
		return expect_text(s, rest_of, unescape(rest_of));
	if (strcmp(line, "send") == 0)
		return type_text(s, rest_of, unescape(rest_of));
	if (strcmp(line, "send-file") == 0)
		return type_file(s, rest_of);
	if (strcmp(line, "size") == 0)
		return resize(s, rest_of);
	if (strcmp(line, "signal") == 0)
		return kill(s->pid, atoi(rest_of)) == 0;
	if (strcmp(line, "until") == 0)
		return until(s, strcmp(rest_of, "raw") == 0);
	if (strcmp(line, "stopped") == 0)
		return until_flag(s, &s->stopped);
	if (strcmp(line, "ended") == 0)
		return until_flag(s, &s->ended);
	if (strcmp(line, "look") == 0) {
		s->away = strcmp(rest_of, "away") == 0;
		return true;
	}
	if (strcmp(line, "hang") == 0)
		return hang_up(s);
	if (strcmp(line, "pause") == 0) {
		rest(s, atoll(rest_of));
		return true;
	}
	return strcmp(line, "note") == 0 && note(s);
}

static void start(struct session *s, char **command)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->master < 0 || grantpt(s->master) < 0 || unlockpt(s->master) < 0)
		fail("no pty");
	s->slave = open(ptsname(s->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->slave < 0 || ioctl(s->master, TIOCSWINSZ, &size) < 0)
		fail("no pty");
	s->pid = fork();
	if (s->pid < 0)
		fail("fork");
	if (s->pid > 0)
		return;
	setsid();
	if (ioctl(s->slave, TIOCSCTTY, 0) < 0)
		fail("TIOCSCTTY");
	for (int i = 0; i < 3; i++)
		dup2(s->slave, i);
	execvp(command[0], command);
	fail(command[0]);
}

static void say_settings(const struct termios *t)
{
	printf("{\"canonical\":%s,\"echo\":%s,\"signals\":%s,\"bytes\":\"", t->c_lflag & ICANON ? "true" : "false",
	       t->c_lflag & ECHO ? "true" : "false", t->c_lflag & ISIG ? "true" : "false");
	printf("%x-%x-%x-%x-", t->c_iflag, t->c_oflag, t->c_cflag, t->c_lflag);
	for (int i = 0; i < 19; i++)
		printf("%02x", t->c_cc[i]);
	printf("\"}");
}

static void report(struct session *s, int failed, const char *path)
{
	struct termios last;
	FILE *file = fopen(path, "w");
	if (!file || fwrite(s->shown, 1, s->size, file) != s->size || fclose(file) != 0)
		fail(path);
	printf("{\"failedStep\":%d,\"ended\":%s,\"status\":%d,\"signal\":%d,\"notes\":[", failed,
	       s->ended ? "true" : "false", s->ended && WIFEXITED(s->status) ? WEXITSTATUS(s->status) : -1,
	       s->ended && WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0);
	for (int i = 0; i < s->note_count; i++) {
		if (i > 0)
			putchar(',');
		say_settings(&s->notes[i]);
	}
	printf("],\"last\":");
	if (s->master < 0 || tcgetattr(s->slave, &last) < 0)
		printf("null");
	else
		say_settings(&last);
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct session s = {.master = -1};
	static char line[MAX_LINE];
	int step = 0, failed = -1;
	if (argc < 3) {
		fprintf(stderr, "usage: pty-driver TRANSCRIPT COMMAND... < SCRIPT\n");
		return 2;
	}
	start(&s, argv + 2);
	note(&s);
	s.deadline = now_ms() + LIMIT_MS;
	for (; failed < 0 && fgets(line, sizeof line, stdin); step++) {
		line[strcspn(line, "\n")] = 0;
		if (*line && !perform(&s, line))
			failed = step;
	}
	if (failed < 0)
		until_flag(&s, &s.ended);
	if (!s.ended) {
		kill(s.pid, SIGKILL);
		kill(s.pid, SIGCONT);
		s.deadline = now_ms() + 5000;
		until_flag(&s, &s.ended);
	}
	while (s.master >= 0 && !s.away && read_some(&s))
		;
	report(&s, failed, argv[1]);
	return 0;
}
