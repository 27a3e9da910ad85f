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
} lineup_chunk;

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

// A search. The first fields are given; n, the number of hits or -1 when it was stopped, is
// the result. hits has room for k, and is in no order afterwards.
typedef struct {
	const float *query; // stride numbers
	lineup_filter filter;
	const uint8_t *sources, *states;
	int64_t k;
	lineup_hit *hits;
	const int32_t *stop;
	int64_t n;
} lineup_search;

// lineup_scan finds the nearest visible faces for several searches in one pass over the codes.
void lineup_scan(const lineup_chunk *chunks, int64_t count, int64_t stride, uint64_t version, lineup_search *searches, int64_t many);

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

// lineup_touch adds up all codes: the least that any scan has to read.
int64_t lineup_touch(const lineup_chunk *chunks, int64_t count, int64_t stride);

#endif
