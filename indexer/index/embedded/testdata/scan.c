// Scans galleries of random size in memory that is no larger than the scan was promised, and compares
// what it finds with plain sums. TestScanUnderSanitizers builds it with the scan.

#include "scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNKS = 3, MOST_K = 40 };

static uint64_t seed = 1;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

static double number(void) { return draw(1 << 20) / (double)(1 << 19) - 1; }

static void *some(size_t count, size_t size)
{
	void *p = calloc(count, size);
	if (!p)
		exit(3);
	return p;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

// A chunk's memory for the sieve, which it has or has not.
static struct {
	uint8_t *sieve;
	int32_t *norms;
} spare[CHUNKS];

// Rows that are not visible name a source and a state far beyond the tables.
static lineup_chunk make(int64_t n, int64_t stride, const lineup_basis *basis, int at)
{
	int64_t groups = (n + LINEUP_GROUP - 1) / LINEUP_GROUP, odd = 0;
	float *rows = some(n * stride, sizeof *rows);
	int8_t *codes = some(n * stride, 1);
	uint8_t *ids = some(n, 16), *sieve = some(groups * LINEUP_GROUP, LINEUP_SIEVE);
	lineup_attr *attrs = some(n, sizeof *attrs);
	uint64_t *born = some(n, sizeof *born), *died = some(n, sizeof *died);
	int32_t *norms = some(groups * LINEUP_GROUP, sizeof *norms);
	spare[at].sieve = sieve, spare[at].norms = norms;
	for (int64_t i = 0; i < n; i++) {
		double size = draw(50) ? 1 : 100;
		for (int64_t j = 0; j < stride; j++)
			rows[i * stride + j] = (float)(number() * size * exp(-j / 20.0));
		for (int j = 0; j < 16; j++)
			ids[16 * i + j] = (uint8_t)draw(256);
		died[i] = UINT64_MAX;
		attrs[i] = (lineup_attr){.source = (uint16_t)draw(3), .state = (uint16_t)draw(2), .sex = (uint8_t)draw(3), .first = 1};
		if (draw(3) == 0) {
			born[i] = draw(2) ? 9 : 0;
			died[i] = born[i] ? UINT64_MAX : 2;
			attrs[i].source = attrs[i].state = 65535;
		}
	}
	double scale = 127 / (1.25 * lineup_largest(rows, n * stride));
	lineup_chunk c = {codes, rows, ids, attrs, born, died, scale, lineup_code(rows, n, stride, scale, codes), n, 0, 0, 0, 0};
	if (draw(4)) {
		c.sieve_error = lineup_sieve_code(basis, rows, n, stride, 0, sieve, norms, &odd);
		c.basis = basis, c.sieve = sieve, c.norms = norms;
	}
	return c;
}

// plain gives the squared distances of the rows that pass, smallest first.
static int64_t plain(const lineup_chunk *chunks, int64_t stride, const float *query, const lineup_filter *f, double *out)
{
	int64_t n = 0;
	for (int at = 0; at < CHUNKS; at++)
		for (int64_t i = 0; i < chunks[at].n; i++) {
			const lineup_attr *a = &chunks[at].attrs[i];
			if (chunks[at].born[i] > 5 || chunks[at].died[i] <= 5 || (f->active && (a->source == 2 || !(f->sexes >> a->sex & 1))))
				continue;
			out[n] = 0;
			for (int64_t j = 0; j < stride; j++) {
				double d = (double)chunks[at].rows[i * stride + j] - query[j];
				out[n] += d * d;
			}
			n++;
		}
	qsort(out, n, sizeof *out, by_value);
	return n;
}

static void compare(const lineup_chunk *chunks, int64_t rows, int64_t stride, int kernel, int active, int64_t many)
{
	static const uint8_t sources[3] = {1, 1, 0}, states[2] = {1, 1};
	uint8_t *of_sources = some(3, 1), *of_states = some(2, 1);
	memcpy(of_sources, sources, 3), memcpy(of_states, states, 2);
	lineup_search s[LINEUP_MANY];
	double *want = some(rows, sizeof *want), found[MOST_K], infinite = INFINITY;
	uint64_t bounds[LINEUP_MANY];
	int32_t stop = 0;
	for (int64_t i = 0; i < many; i++) {
		float *query = some(stride, sizeof *query);
		for (int64_t j = 0; j < stride; j++)
			query[j] = (float)(number() * (draw(9) ? 1 : 300));
		memcpy(&bounds[i], &infinite, sizeof infinite);
		s[i] = (lineup_search){.query = query, .filter = {active, 0, 0, 3}, .sources = of_sources, .states = of_states,
			.k = 1 + (int64_t)draw(MOST_K), .stop = &stop, .bound = &bounds[i]};
		s[i].hits = some(s[i].k, sizeof *s[i].hits);
	}
	lineup_scan(chunks, CHUNKS, stride, 5, s, many, kernel);
	for (int64_t i = 0; i < many; i++) {
		int64_t all = plain(chunks, stride, s[i].query, &s[i].filter, want), n = all < s[i].k ? all : s[i].k;
		for (int64_t j = 0; j < s[i].n; j++)
			found[j] = s[i].hits[j].squared;
		qsort(found, s[i].n, sizeof *found, by_value);
		for (int64_t j = 0; j < n; j++)
			if (s[i].n != n || fabs(found[j] - want[j]) > 1e-12 * want[j]) {
				printf("kernel %d, stride %d: %d hits, want %d\n", kernel, (int)stride, (int)s[i].n, (int)n);
				exit(1);
			}
		if (active && lineup_count(chunks, CHUNKS, 5, &s[i].filter, of_sources, of_states) != all)
			exit(2);
		free((void *)s[i].query), free(s[i].hits);
	}
	free(of_sources), free(of_states), free(want);
}

// main takes a seed, and for how many seconds to go on; without them it does the same 40 galleries each time.
int main(int argc, char **argv)
{
	time_t end = 0;
	if (argc > 2) {
		seed = strtoull(argv[1], 0, 10);
		end = time(0) + strtoll(argv[2], 0, 10);
	}
	for (int round = 0; round < 40 || time(0) < end; round++) {
		int64_t stride = 64 * (1 + (int64_t)draw(3)), rows = 0;
		double *mean = some(stride, sizeof *mean), *axes = some(LINEUP_AXES * stride, sizeof *axes);
		for (int i = 0; i < LINEUP_AXES; i++)
			axes[i * stride + i] = 1;
		lineup_basis basis = {mean, axes, 1, draw(2) ? 40 : 110};
		lineup_chunk chunks[CHUNKS];
		for (int at = 0; at < CHUNKS; at++) {
			chunks[at] = make(1 + (int64_t)draw(300), stride, &basis, at);
			rows += chunks[at].n;
		}
		for (int kernel = 0; kernel <= lineup_kernel(); kernel++)
			for (int active = 0; active < 2; active++)
				for (int many = 1; many <= LINEUP_MANY; many += 7)
					compare(chunks, rows, stride, kernel, active, many);
		for (int at = 0; at < CHUNKS; at++) {
			lineup_chunk *c = &chunks[at];
			free((void *)c->codes), free((void *)c->rows), free((void *)c->ids), free((void *)c->attrs);
			free((void *)c->born), free((void *)c->died), free(spare[at].sieve), free(spare[at].norms);
		}
		free(mean), free(axes);
	}
	return 0;
}
