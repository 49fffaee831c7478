/* Says of each image on standard input, a 32-bit little-endian length and that many bytes, what the verifier says of it:
 * `ok`, or the reason. Nothing is executed. */
#include <stdio.h>
#include <stdlib.h>

#include "executor.h"

int main(void)
{
	unsigned char length[4];
	while (fread(length, 1, sizeof length, stdin) == sizeof length) {
		struct program program = {0};
		size_t size = (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
		unsigned char *image = malloc(size ? size : 1);
		if (!image || fread(image, 1, size, stdin) != size) {
			fputs("verify-main: a record ends early\n", stderr);
			return 2;
		}
		const char *wrong = program_open(&program, image, size);
		puts(wrong ? wrong : "ok");
		free(image);
	}
	return 0;
}
