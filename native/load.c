/* Where a program comes from, and where the executor itself runs from. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executor.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

_Noreturn void die(const char *what, int error)
{
	dprintf(2, "sampan-executor: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
	_exit(125);
}

static int sealed_copy(int self)
{
	struct stat st;
	if (fstat(self, &st) < 0)
		die("cannot look at /proc/self/exe", errno);
	int copy = memfd_create("sampan-executor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (copy < 0 && errno == EINVAL) /* before Linux 6.3 every memfd can be executed */
		copy = memfd_create("sampan-executor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		die("cannot make a memfd to run from (is vm.memfd_noexec set to 2? set it to 1 or 0)", errno);
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(copy, self, &done, (size_t)(st.st_size - done));
		if (n <= 0)
			die("cannot copy the executor into a memfd", errno);
	}
	if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		die("cannot seal the executor's memfd", errno);
	return copy;
}

void seal_self(char **argv, char **envp)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		die("cannot open /proc/self/exe; is /proc mounted?", errno);
	int seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS) {
		close(self);
		return;
	}
	int copy = sealed_copy(self);
	syscall(SYS_execveat, copy, "", argv, envp, AT_EMPTY_PATH);
	die("cannot run from a sealed memfd (is vm.memfd_noexec set to 2?)", errno);
}

static unsigned char *reserve(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("out of memory", errno);
	return memory;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The program comes as base64url without padding, split over arguments, since one argument holds 128 KiB at most. */
static size_t decode_arguments(char **parts, unsigned char *out)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;
	for (; *parts; parts++) {
		for (char *c = *parts; *c; c++) {
			int value = base64_value(*c);
			if (value < 0)
				die("the program on the command line is not base64url", 0);
			bits = bits << 6 | (uint32_t)value;
			have += 6;
			if (have >= 8) {
				have -= 8;
				out[n++] = (unsigned char)(bits >> have);
			}
		}
	}
	return n;
}

static size_t arguments_size(char **parts)
{
	size_t total = 0;
	for (; *parts; parts++)
		total += strlen(*parts);
	return total;
}

/* `ps` should show what this is, not the program. */
static void hide_arguments(char **parts)
{
	for (; *parts; parts++)
		memset(*parts, 0, strlen(*parts));
}

static void read_fully(int fd, unsigned char *into, size_t size)
{
	while (size > 0) {
		ssize_t n = read(fd, into, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("the program ended before its header said", n < 0 ? errno : 0);
		into += n;
		size -= (size_t)n;
	}
}

static unsigned char *read_control(int fd, size_t *size)
{
	struct sp_header h;
	read_fully(fd, (unsigned char *)&h, sizeof h);
	if (memcmp(h.magic, SP_MAGIC, sizeof h.magic) != 0 || h.op_count > SP_MAX_OPS || h.vector_count > SP_MAX_VECTORS ||
	    h.data_size > SP_MAX_DATA || h.notes_size > SP_MAX_DATA)
		die("what comes in is not a program", 0);
	*size = sizeof h + (size_t)h.op_count * sizeof(struct sp_op) + (size_t)h.vector_count * 4 + h.data_size + h.notes_size;
	unsigned char *image = reserve(*size);
	memcpy(image, &h, sizeof h);
	read_fully(fd, image + sizeof h, *size - sizeof h);
	return image;
}

static void build_pointers(struct program *program)
{
	uint32_t count = program->header->vector_count;
	program->pointers = (char **)(void *)reserve(((size_t)count + 1) * sizeof(char *));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t offset = program->vectors[i];
		program->pointers[i] = offset == SP_VECTOR_END ? NULL : (char *)program->data + offset;
	}
}

void load_program(struct machine *m, int argc, char **argv)
{
	size_t size;
	unsigned char *image;
	if (argc == 3 && strcmp(argv[1], "--control") == 0) {
		char *end;
		long fd = strtol(argv[2], &end, 10);
		if (*end || fd < 3 || fd > 1023 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
			die("--control takes the number of an open descriptor", 0);
		m->control_fd = (int)fd;
		image = read_control(m->control_fd, &size);
	} else if (argc >= 3 && strcmp(argv[1], "--program") == 0) {
		image = reserve(arguments_size(argv + 2) + 16);
		size = decode_arguments(argv + 2, image);
		hide_arguments(argv + 1);
	} else {
		die("usage: sampan-executor --control FD | --program BASE64URL...", 0);
	}
	const char *wrong = program_open(&m->program, image, size);
	if (wrong) {
		dprintf(2, "sampan-executor: this is not a program that can be run: %s\n", wrong);
		_exit(125);
	}
	build_pointers(&m->program);
}
