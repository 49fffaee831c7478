/* Verification of a program image: every offset, length, register and target is checked once, before the first
 * operation is performed. Nothing in the interpreter checks again. */
#include <string.h>
#include <termios.h>

#include "executor.h"

static bool data_range_ok(const struct sp_header *h, uint64_t arg)
{
	uint64_t offset = arg & 0xffffffffu, length = arg >> 32;
	return offset < h->data_size && length <= h->data_size - offset;
}

static const char *check_vectors(const struct sp_header *h, const uint32_t *vectors)
{
	if (h->vector_count == 0)
		return NULL;
	if (vectors[h->vector_count - 1] != SP_VECTOR_END)
		return "the vector table does not end with a terminator";
	for (uint32_t i = 0; i < h->vector_count; i++)
		if (vectors[i] != SP_VECTOR_END && vectors[i] >= h->data_size)
			return "a vector entry points outside of the data";
	return NULL;
}

static const char *check_arguments(const struct sp_header *h, const struct sp_op *op)
{
	if (op->argument_count > SP_ARGUMENTS)
		return "too many arguments";
	for (unsigned i = 0; i < op->argument_count; i++) {
		uint64_t value = op->arguments[i];
		switch (op->kinds[i]) {
		case SP_ARG_NUMBER:
			break;
		case SP_ARG_REGISTER:
			if (value >= SP_REGISTERS)
				return "a register number is out of range";
			break;
		case SP_ARG_DATA:
			if (!data_range_ok(h, value))
				return "a data argument points outside of the data";
			break;
		case SP_ARG_VECTOR:
			if (value >= h->vector_count)
				return "a vector argument points outside of the table";
			break;
		default:
			return "an argument has an unknown kind";
		}
	}
	return NULL;
}

static uint32_t fill_width(uint8_t as)
{
	switch (as) {
	case SP_FILL_U32:
	case SP_FILL_LOAD:
		return 4;
	case SP_FILL_U64:
		return 8;
	case SP_FILL_TEXT:
		return SP_DECIMAL_WIDTH + 1;
	case SP_FILL_PADDED:
		return SP_DECIMAL_WIDTH;
	default:
		return 0;
	}
}

static const char *check_fills(const struct sp_header *h, const struct sp_op *op)
{
	if (op->fill_count > SP_FILLS)
		return "too many fills";
	for (unsigned i = 0; i < op->fill_count; i++) {
		const struct sp_fill *fill = &op->fills[i];
		uint32_t width = fill_width(fill->as);
		if (width == 0)
			return "a fill has an unknown kind";
		if (fill->reg >= SP_REGISTERS)
			return "a fill names a register out of range";
		/* the last byte stays zero: it ends every string */
		if ((uint64_t)fill->at + width > h->data_size - 1)
			return "a fill lies outside of the data";
		if (fill->reserved != 0)
			return "a reserved field is not zero";
	}
	return NULL;
}

static const char *check_fork(const struct sp_header *h, const struct sp_op *op, uint32_t index)
{
	/* only forwards: a program always ends */
	if (op->arguments[1] <= index || op->arguments[1] >= h->op_count)
		return "a fork does not lead forwards to an operation";
	if (op->arguments[3] >= SP_REGISTERS && op->arguments[3] != SP_NONE)
		return "a fork names a register out of range";
	if (op->arguments[4] != SP_ROLE_CHILD && op->arguments[4] != SP_ROLE_JANITOR)
		return "a fork has an unknown role";
	return NULL;
}

static const char *check_control(const struct sp_header *h, const struct sp_op *op, uint32_t index)
{
	/* the shape of each control operation: how many arguments, and the kind of those that are dereferenced */
	static const struct { uint8_t count; uint8_t kinds[SP_ARGUMENTS]; } shapes[SP_OP_COUNT] = SP_CONTROL_SHAPES;
	if (op->op == SP_OP_SYSCALL)
		return NULL;
	if (op->argument_count != shapes[op->op].count)
		return "a control operation has the wrong number of arguments";
	for (unsigned i = 0; i < op->argument_count; i++) {
		uint8_t want = shapes[op->op].kinds[i];
		bool value_ok = want == SP_SHAPE_VALUE && (op->kinds[i] == SP_ARG_NUMBER || op->kinds[i] == SP_ARG_REGISTER);
		bool exact_ok = (want == SP_SHAPE_NUMBER && op->kinds[i] == SP_ARG_NUMBER) ||
				(want == SP_SHAPE_DATA && op->kinds[i] == SP_ARG_DATA) ||
				(want == SP_SHAPE_VECTOR && op->kinds[i] == SP_ARG_VECTOR);
		if (!value_ok && !exact_ok)
			return "a control operation has an argument of the wrong kind";
	}
	if (op->op == SP_OP_FORK)
		return check_fork(h, op, index);
	bool relays = op->op == SP_OP_SUPERVISE && (op->arguments[1] & SP_SUPERVISE_TERMINAL);
	if (relays && (op->arguments[3] & 0xffffffffu) + sizeof(struct termios) > h->data_size)
		return "a terminal's settings do not fit into the data";
	return NULL;
}

static const char *check_op(const struct sp_header *h, const struct sp_op *op, uint32_t index)
{
	const char *wrong;
	if (op->op == 0 || op->op >= SP_OP_COUNT)
		return "an operation has an unknown code";
	if (op->result != SP_NONE && op->result >= SP_REGISTERS)
		return "a result register is out of range";
	if (op->condition > SP_COND_UNLESS || (op->condition != 0 && op->condition_register >= SP_REGISTERS))
		return "a condition is malformed";
	if (op->flags & ~(SP_FLAG_GO_ON | SP_FLAG_RETRY_BUSY))
		return "an operation has unknown flags";
	for (unsigned i = 0; i < sizeof op->reserved; i++)
		if (op->reserved[i] != 0)
			return "a reserved field is not zero";
	if ((wrong = check_arguments(h, op)) || (wrong = check_fills(h, op)))
		return wrong;
	return check_control(h, op, index);
}

static const char *check_header(const struct sp_header *h, size_t size)
{
	if (memcmp(h->magic, SP_MAGIC, sizeof h->magic) != 0)
		return "it does not start with the program's magic";
	if (h->version != SP_VERSION)
		return "it is of another version";
	if (h->architecture != SP_ARCHITECTURE)
		return "it is for another architecture";
	if (h->op_count == 0 || h->op_count > SP_MAX_OPS)
		return "it has no operations, or too many";
	if (h->vector_count > SP_MAX_VECTORS || h->data_size > SP_MAX_DATA || h->notes_size > SP_MAX_DATA)
		return "a section is too large";
	uint64_t expected = sizeof *h + (uint64_t)h->op_count * sizeof(struct sp_op) + (uint64_t)h->vector_count * 4 +
			    h->data_size + h->notes_size;
	if (expected != size)
		return "its length is not what its header says";
	if (h->finally_step >= h->op_count)
		return "its final part starts outside of it";
	if (h->reporter_vector != SP_VECTOR_END && h->reporter_vector >= h->vector_count)
		return "its reporter points outside of the vector table";
	if (h->report_when > SP_REPORT_UNSUCCESSFUL)
		return "its reporter has an unknown condition";
	if (h->reserved != 0)
		return "a reserved field is not zero";
	return NULL;
}

const char *program_open(struct program *program, unsigned char *image, size_t size)
{
	const char *wrong;
	const struct sp_header *h = (const void *)image;
	if (size < sizeof *h)
		return "it is shorter than a header";
	if ((wrong = check_header(h, size)))
		return wrong;
	program->header = h;
	program->image = image;
	program->image_size = size;
	program->ops = (const void *)(image + sizeof *h);
	program->vectors = (const void *)(program->ops + h->op_count);
	program->data = (unsigned char *)(program->vectors + h->vector_count);
	if (h->data_size == 0 || program->data[h->data_size - 1] != 0)
		return "its data does not end with a zero";
	if ((wrong = check_vectors(h, program->vectors)))
		return wrong;
	for (uint32_t i = 0; i < h->op_count; i++)
		if ((wrong = check_op(h, &program->ops[i], i)))
			return wrong;
	uint8_t last = program->ops[h->op_count - 1].op;
	if (last != SP_OP_EXIT || program->ops[h->op_count - 1].condition != 0)
		return "it does not end with an exit";
	return NULL;
}
