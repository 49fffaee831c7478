/*
 * probe ACTION [ARGUMENT...] [-- ACTION [ARGUMENT...]]...
 *
 * Each action prints one line: {"do":"write","errno":"EROFS"}. It is static, so that it runs in an empty root.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

static const struct action *find(const char *name)
{
	const struct action *tables[] = {LOOKS, ACTS, PROCESS_ACTS};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		for (const struct action *a = tables[i]; a->name; a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

static void perform(int argc, char **argv)
{
	const struct action *action = argc > 0 ? find(argv[0]) : NULL;
	if (!action || argc - 1 < action->least) {
		fprintf(stderr, "probe: cannot do %s\n", argc > 0 ? argv[0] : "nothing");
		exit(99);
	}
	json_open(NULL, '{');
	json_text("do", action->name);
	action->perform(argc - 1, argv + 1);
	json_close('}');
	end_line();
}

int main(int argc, char **argv)
{
	int from = 1;
	for (int i = 1; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], "--") != 0)
			continue;
		perform(i - from, argv + from);
		from = i + 1;
	}
	return 0;
}
