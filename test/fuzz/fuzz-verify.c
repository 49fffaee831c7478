/* libFuzzer target for the verifier: whatever it accepts, the interpreter and build_pointers() may follow. Nothing is
 * executed; every place that an accepted image leads to is read, and written where the interpreter would write. */
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "executor.h"

static volatile unsigned char sink;

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void touch(const struct program *p, uint64_t offset, uint64_t length)
{
	require(offset < p->header->data_size && length <= p->header->data_size - offset);
	sink = p->data[offset];
	if (length > 0)
		sink = p->data[offset + length - 1];
}

static void follow_string(const struct program *p, uint32_t offset)
{
	require(memchr(p->data + offset, 0, p->header->data_size - offset) != NULL);
}

/* Long vectors that overlap would take forever; the terminator at the end of the table bounds them all. */
static void follow_vector(const struct program *p, uint64_t index)
{
	require(index < p->header->vector_count);
	for (unsigned n = 0; n < 64 && p->vectors[index] != SP_VECTOR_END; n++, index++)
		follow_string(p, p->vectors[index]);
}

static void follow_fills(const struct program *p, const struct sp_op *op)
{
	static const uint8_t widths[] = {
		[SP_FILL_U32] = 4, [SP_FILL_U64] = 8, [SP_FILL_TEXT] = SP_DECIMAL_WIDTH + 1, [SP_FILL_PADDED] = SP_DECIMAL_WIDTH,
		[SP_FILL_LOAD] = 4,
	};
	for (unsigned i = 0; i < op->fill_count; i++) {
		require(op->fills[i].reg < SP_REGISTERS && op->fills[i].as < sizeof widths);
		memset(p->data + op->fills[i].at, '9', widths[op->fills[i].as]);
	}
}

static void follow_arguments(const struct program *p, const struct sp_op *op)
{
	for (unsigned i = 0; i < op->argument_count; i++) {
		uint64_t value = op->arguments[i];
		if (op->kinds[i] == SP_ARG_REGISTER)
			require(value < SP_REGISTERS);
		if (op->kinds[i] == SP_ARG_VECTOR)
			follow_vector(p, value);
		if (op->kinds[i] != SP_ARG_DATA)
			continue;
		touch(p, value & 0xffffffffu, value >> 32);
		follow_string(p, (uint32_t)value);
	}
}

static void follow(const struct program *p, const struct sp_op *op, uint32_t index)
{
	follow_fills(p, op);
	follow_arguments(p, op);
	require(op->result == SP_NONE || op->result < SP_REGISTERS);
	require(op->condition == SP_COND_ALWAYS || op->condition_register < SP_REGISTERS);
	if (op->op == SP_OP_FORK)
		require(op->arguments[1] > index && op->arguments[1] < p->header->op_count);
	if (op->op == SP_OP_EXEC)
		for (unsigned i = 0; i < 3; i++)
			require(op->kinds[i] == SP_ARG_VECTOR);
	if (op->op == SP_OP_SUPERVISE && op->arguments[1] & SP_SUPERVISE_TERMINAL)
		touch(p, op->arguments[3] & 0xffffffffu, sizeof(struct termios));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct program program = {0};
	unsigned char *image = malloc(size ? size : 1); /* exactly as large, so that every byte beyond it is noticed */
	if (!image)
		return 0;
	memcpy(image, bytes, size);
	if (!program_open(&program, image, size)) {
		for (uint32_t i = 0; i < program.header->op_count; i++)
			follow(&program, &program.ops[i], i);
		if (program.header->reporter_vector != SP_VECTOR_END)
			follow_vector(&program, program.header->reporter_vector);
		require(program.ops[program.header->op_count - 1].op == SP_OP_EXIT);
	}
	free(image);
	return 0;
}
