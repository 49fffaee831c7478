/* A program that looks around from inside of a container and says what it finds, one JSON object per line. */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* An action takes its own arguments, prints its fields, and leaves errno behind when it fails. */
struct action {
	const char *name;
	int least; /* arguments that it needs */
	void (*perform)(int argc, char **argv);
};

extern const struct action LOOKS[], ACTS[], PROCESS_ACTS[];

/* Output: `"key":value` pairs with commas where they belong. */
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_text(const char *key, const char *value);
void json_bytes(const char *key, const char *value, size_t size);
void json_number(const char *key, long long value);
void json_bool(const char *key, bool value);
void json_null(const char *key);

/* `"errno":"EROFS"`, or null after success. */
void say_result(bool good);
const char *errno_name(int number);
void end_line(void);

/* A whole small file, ended by a zero byte; NULL with errno when it cannot be read. Not thread safe. */
char *slurp(const char *path, size_t *size);

#endif
