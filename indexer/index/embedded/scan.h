#ifndef LINEUP_SCAN_H
#define LINEUP_SCAN_H

#include <stdint.h>

// The facts of a face's registrant that a filter looks at; 0 is "not known".
typedef struct {
	uint16_t source, state;
	int16_t born_min, born_max;
	uint8_t sex;   // 1 male, 2 female
	uint8_t first; // 1 on one face of each registrant: counting those counts registrants
	uint16_t unused;
} lineup_attr;

// LINEUP_SIEVE is how many numbers a row has in the sieve: the row's coordinates on LINEUP_AXES
// orthonormal axes, and the length of what is left of it.
#define LINEUP_SIEVE 48
#define LINEUP_AXES (LINEUP_SIEVE - 1)

// LINEUP_GROUP rows lie together in the sieve.
#define LINEUP_GROUP 16

// What a row is turned into for the sieve: z = axes (row - mean), and t = |row - mean - axes' z|.
// Any orthonormal axes are right; the gallery's principal ones tell its rows apart best.
typedef struct {
	const double *mean; // stride numbers
	const double *axes; // LINEUP_AXES times stride numbers
	double centre;      // of t
	double scale;
} lineup_basis;

// A stretch of faces. All arrays have n entries (codes and rows: n * stride).
typedef struct {
	const int8_t *codes; // round(row * scale)
	const float *rows;
	const uint8_t *ids; // 16 bytes each
	const lineup_attr *attrs;
	const uint64_t *born, *died; // a face is visible at version v when born <= v < died
	double scale;
	double error; // no row is farther than this from its code / scale
	int64_t n;
	// The sieve, none when basis is NULL: round(z * scale) and round((t - centre) * scale), plus 128,
	// in groups of LINEUP_GROUP rows: four numbers of each row, then the next four of each.
	const lineup_basis *basis;
	const uint8_t *sieve;
	const int32_t *norms; // each row's sum of squared codes, LINEUP_ALWAYS for a row the scale does not fit
	double sieve_error;   // no row's z and t are farther than this from their code / scale
} lineup_chunk;

// LINEUP_ALWAYS is the norm of a row that no query passes over.
#define LINEUP_ALWAYS (-(1 << 30))

// What passes: tables by source and state, a bit for each sex, and years (0 for any).
typedef struct {
	int32_t active;
	int32_t born_min, born_max;
	int32_t sexes;
} lineup_filter;

typedef struct {
	double squared;
	int64_t chunk, row;
} lineup_hit;

// How a scan went, in rows: those the sieve looked at and how many of them it let through,
// those compared without it, and how often a chunk's sieve let so many through that it was
// left out for a while.
typedef struct {
	int64_t sieved, survived, whole, fallbacks;
} lineup_tally;

// A search. The first fields are given; n, the number of hits or -1 when it was stopped, and
// tally are the result. hits has room for k, and is in no order afterwards.
typedef struct {
	const float *query; // stride numbers
	lineup_filter filter;
	const uint8_t *sources, *states;
	int64_t k;
	lineup_hit *hits;
	const int32_t *stop;
	uint64_t *bound; // bits of the squared distance that k hits of one part are known to lie within
	int64_t n;
	lineup_tally tally;
} lineup_search;

// Instruction sets the sieve is written for.
enum { LINEUP_PLAIN, LINEUP_AVX2, LINEUP_VNNI };

// lineup_kernel is the best of them that this machine has.
int lineup_kernel(void);

// lineup_scan finds the nearest visible faces for several searches in one pass over the chunks.
// Parts of one search, over other chunks, may run at once with the same bound.
void lineup_scan(const lineup_chunk *chunks, int64_t count, int64_t stride, uint64_t version,
		lineup_search *searches, int64_t many, int kernel);

// LINEUP_MANY is how many searches one pass can do.
#define LINEUP_MANY 8

// lineup_count counts the registrants with a visible face that pass.
int64_t lineup_count(const lineup_chunk *chunks, int64_t count, uint64_t version,
		const lineup_filter *filter, const uint8_t *sources, const uint8_t *states);

// lineup_largest is the largest of the numbers without their sign, -1 when one is not finite.
double lineup_largest(const float *x, int64_t count);

// lineup_code codes rows, none of whose numbers times scale may exceed 127, and returns how far
// the farthest of them is from its code.
double lineup_code(const float *rows, int64_t n, int64_t stride, double scale, int8_t *codes);

// lineup_sieve_code puts rows into a chunk's sieve from row number at, and returns how far the
// farthest of them, but those LINEUP_ALWAYS, is from its code; it adds the number of those to odd.
double lineup_sieve_code(const lineup_basis *basis, const float *rows, int64_t n, int64_t stride, int64_t at,
		uint8_t *sieve, int32_t *norms, int64_t *odd);

// lineup_rotate gives z and t of a row, without scale or centre, and returns |row - mean|.
double lineup_rotate(const lineup_basis *basis, const float *row, int64_t stride, double *z);

// lineup_touch adds up all codes: the least that any scan has to read.
int64_t lineup_touch(const lineup_chunk *chunks, int64_t count, int64_t stride);

#endif
