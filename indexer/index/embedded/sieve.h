#ifndef LINEUP_SIEVE_H
#define LINEUP_SIEVE_H

#include "scan.h"

// A query as the sieve compares it with the rows of a chunk.
typedef struct {
	int32_t base;  // what is the same for every row
	double scale;
	double error;  // row error + query error, of one chunk
	double own;    // query error
	int8_t code[LINEUP_SIEVE];
	int16_t even[LINEUP_SIEVE / 4][2], odd[LINEUP_SIEVE / 4][2]; // the same by place in a group's four
} lineup_probe;

// LINEUP_ROOM is how many rows that a sieve let through are looked at together.
#define LINEUP_ROOM 48

typedef struct {
	int64_t n;
	int32_t rows[LINEUP_ROOM + LINEUP_GROUP];
} lineup_survivors;

// lineup_probe_code makes the query ready for chunks of a basis.
void lineup_probe_code(const lineup_basis *basis, const float *query, int64_t stride, lineup_probe *probe);

// lineup_sift lists rows of a chunk, from a group up to another, whose codes are at a squared distance of at most most from
// the probe, until the list is full, and returns the group to go on with. Some of the rows may be beyond the chunk's last.
int64_t lineup_sift(int kernel, const lineup_chunk *chunk, int64_t stride, int64_t group, int64_t end,
		const lineup_probe *probe, int32_t most, lineup_survivors *out);

#endif
