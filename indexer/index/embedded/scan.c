// The scan: a sieve of a few integers a row first, then integer codes of the whole row, and every row whose
// codes do not rule it out once more in float64. By the triangle inequality a row is at least
// code distance - row error - query error away, so a row that is passed over cannot be among
// the nearest: the result is exact.

#include "sieve.h"

#include <math.h>
#include <string.h>

// One machine's binary must run on another: pick the instruction set at load time where the
// tool chain can (GNU ifunc), else build for the baseline.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

// ISO C without contraction: a fused multiply-add would round differently where there is one.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define INLINE static inline __attribute__((always_inline))

typedef double lanes __attribute__((vector_size(64)));
typedef float narrow __attribute__((vector_size(32)));
typedef int8_t bytes __attribute__((vector_size(8)));

// The same sum in the same order on every instruction set: answers do not depend on the machine.
INLINE double exact(const float *row, const float *query, int64_t stride)
{
	lanes sum = {0};
	for (int64_t i = 0; i < stride; i += 8) {
		narrow a, b;
		memcpy(&a, row + i, sizeof a);
		memcpy(&b, query + i, sizeof b);
		lanes d = __builtin_convertvector(a, lanes) - __builtin_convertvector(b, lanes);
		sum += d * d;
	}
	return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

INLINE int32_t coarse(const int8_t *code, const int16_t *query, int64_t stride)
{
	int32_t sum = 0;
	for (int64_t i = 0; i < stride; i++) {
		int16_t d = (int16_t)(code[i] - query[i]);
		sum += (int32_t)d * d;
	}
	return sum;
}

INLINE int visible(const lineup_chunk *c, int64_t row, uint64_t version)
{
	return __atomic_load_n(&c->born[row], __ATOMIC_ACQUIRE) <= version &&
		version < __atomic_load_n(&c->died[row], __ATOMIC_ACQUIRE);
}

INLINE int passes(const lineup_attr *a, const lineup_filter *f, const uint8_t *sources, const uint8_t *states)
{
	return sources[a->source] && states[a->state] && (f->sexes >> a->sex & 1) &&
		(a->born_max == 0 || ((f->born_min == 0 || a->born_max >= f->born_min) && (f->born_max == 0 || a->born_min <= f->born_max)));
}

typedef struct {
	const lineup_chunk *chunks;
	lineup_hit *hits; // a heap, farthest on top
	int64_t k, n;
	uint64_t *bound;
} heap;

// after orders hits by distance, then by face id, as the port promises.
INLINE int after(const heap *h, const lineup_hit *a, const lineup_hit *b)
{
	if (a->squared != b->squared)
		return a->squared > b->squared;
	return memcmp(h->chunks[a->chunk].ids + 16 * a->row, h->chunks[b->chunk].ids + 16 * b->row, 16) > 0;
}

static void offer(heap *h, lineup_hit hit)
{
	int64_t i;
	if (h->n < h->k) {
		for (i = h->n++; i > 0 && after(h, &hit, &h->hits[(i - 1) / 2]); i = (i - 1) / 2)
			h->hits[i] = h->hits[(i - 1) / 2];
		h->hits[i] = hit;
		return;
	}
	if (!after(h, &h->hits[0], &hit))
		return;
	for (i = 0;;) {
		int64_t child = 2 * i + 1;
		if (child >= h->n)
			break;
		if (child + 1 < h->n && after(h, &h->hits[child + 1], &h->hits[child]))
			child++;
		if (!after(h, &h->hits[child], &hit))
			break;
		h->hits[i] = h->hits[child];
		i = child;
	}
	h->hits[i] = hit;
}

static double double_of(uint64_t bits)
{
	double d;
	memcpy(&d, &bits, sizeof d);
	return d;
}

// reach is the squared distance beyond which no row can be among the k nearest any more: the
// farthest hit's of this part or, by then nearer, of another part of the same search.
INLINE double reach(const heap *h)
{
	double known = double_of(__atomic_load_n(h->bound, __ATOMIC_RELAXED));
	return h->n == h->k && h->hits[0].squared < known ? h->hits[0].squared : known;
}

// share tells the other parts how far the farthest of k hits is. Numbers that are not negative
// are in the order of their bits.
static void share(const heap *h)
{
	uint64_t bits, known = __atomic_load_n(h->bound, __ATOMIC_RELAXED);
	if (h->n < h->k)
		return;
	memcpy(&bits, &h->hits[0].squared, sizeof bits);
	while (bits < known && !__atomic_compare_exchange_n(h->bound, &known, bits, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

// limit is the largest code distance a row may have and still be within reach.
static int32_t limit(const heap *h, double scale, double error)
{
	double d = (sqrt(reach(h)) + error) * scale;
	double squared = d * d * (1 + 1e-9) + 1;
	return squared < INT32_MAX ? (int32_t)squared : INT32_MAX;
}

#define MAX_STRIDE 4096

// quantise codes the query for a chunk, or returns -1 when it does not fit: its distances
// could overflow. The result is the distance between the query and its code.
static double quantise(const float *query, int64_t stride, double scale, int16_t *code)
{
	double most = sqrt((double)INT32_MAX / stride) - 129, squared = 0;
	if (stride > MAX_STRIDE)
		return -1;
	if (most > 32000)
		most = 32000;
	for (int64_t i = 0; i < stride; i++) {
		double x = query[i] * scale;
		if (!(fabs(x) < most))
			return -1;
		double r = rint(x);
		code[i] = (int16_t)r;
		squared += (x - r) * (x - r);
	}
	return sqrt(squared) / scale * (1 + 1e-9) + 1e-12;
}

// passes_filter looks at visible rows only: what another one says of itself may be of a later
// version, and beyond the tables of this one.
INLINE int passes_filter(const lineup_chunk *c, int64_t row, uint64_t version, const lineup_search *s)
{
	return !s->filter.active || (visible(c, row, version) && passes(&c->attrs[row], &s->filter, s->sources, s->states));
}

INLINE void scan_codes(heap *h, int64_t at, int64_t from, int64_t to, int64_t stride, const int16_t *code, double error,
		uint64_t version, const lineup_search *s)
{
	const lineup_chunk *c = &h->chunks[at];
	int32_t most = limit(h, c->scale, error);
	for (int64_t row = from; row < to; row++) {
		if (!passes_filter(c, row, version, s))
			continue;
		if (coarse(c->codes + row * stride, code, stride) > most || !visible(c, row, version))
			continue;
		offer(h, (lineup_hit){exact(c->rows + row * stride, s->query, stride), at, row});
		most = limit(h, c->scale, error);
	}
	share(h);
}

INLINE void scan_rows(heap *h, int64_t at, int64_t from, int64_t to, int64_t stride, uint64_t version, const lineup_search *s)
{
	const lineup_chunk *c = &h->chunks[at];
	for (int64_t row = from; row < to; row++)
		if (passes_filter(c, row, version, s) && visible(c, row, version))
			offer(h, (lineup_hit){exact(c->rows + row * stride, s->query, stride), at, row});
	share(h);
}

// scan_sieve is scan_codes for the rows that the sieve lets through. It returns how many those are.
INLINE int64_t scan_sieve(heap *h, int64_t at, int64_t from, int64_t to, int64_t stride, const int16_t *code, double error,
		uint64_t version, const lineup_search *s, const lineup_probe *probe, int kernel)
{
	const lineup_chunk *c = &h->chunks[at];
	lineup_survivors list;
	int64_t group = from / LINEUP_GROUP, end = (to + LINEUP_GROUP - 1) / LINEUP_GROUP, survived = 0;
	int32_t most = limit(h, c->scale, error);
	while (group < end) {
		list.n = 0;
		group = lineup_sift(kernel, c, stride, group, end, probe, limit(h, probe->scale, probe->error), &list);
		for (int64_t i = 0; i < list.n; i++) {
			int64_t row = list.rows[i];
			if (row >= to)
				break;
			survived++;
			if (!passes_filter(c, row, version, s))
				continue;
			if (coarse(c->codes + row * stride, code, stride) > most || !visible(c, row, version))
				continue;
			offer(h, (lineup_hit){exact(c->rows + row * stride, s->query, stride), at, row});
			most = limit(h, c->scale, error);
		}
		share(h);
	}
	return survived;
}

// BLOCK rows stay in the nearest caches while each search looks at them.
#define BLOCK 1024

// What one search keeps from chunk to chunk.
typedef struct {
	heap heap;
	int16_t code[MAX_STRIDE];
	double error; // of the query's code, -1 when it does not fit the chunk's
	const lineup_basis *basis; // that probe is made for
	lineup_probe probe;
	int sieved;      // this chunk goes through the sieve
	int64_t skip, skipped; // chunks still, and last time, left out because a sieve let too many through
	int64_t survived; // of this chunk
	lineup_tally tally;
} state;

// A sieve that lets more than one row in FLAT through costs more than it saves; so it does when the filter
// leaves fewer than one row in NARROW. SAMPLE rows of a chunk tell.
#define FLAT 5
#define NARROW 8
#define SAMPLE 64

// worthwhile decides whether a search goes through a chunk's sieve. Its answer is the same either way.
static int worthwhile(state *st, const lineup_chunk *c, int64_t stride, uint64_t version, const lineup_search *s)
{
	if (!c->basis || st->error < 0)
		return 0;
	if (st->skip > 0) {
		st->skip--;
		return 0;
	}
	if (s->filter.active) {
		int64_t step = c->n / SAMPLE + 1, looked = 0, passed = 0;
		for (int64_t row = 0; row < c->n; row += step, looked++)
			passed += passes_filter(c, row, version, s);
		if (passed * NARROW < looked)
			return 0;
	}
	if (st->basis != c->basis) {
		lineup_probe_code(c->basis, s->query, stride, &st->probe);
		st->basis = c->basis;
	}
	st->probe.error = st->probe.own + c->sieve_error;
	return 1;
}

// settle books how a chunk went, and leaves the sieve out of the next ones when it was of no use:
// longer each time, as a spectrum that is flat here is likely flat there.
static void settle(state *st, const lineup_chunk *c)
{
	if (!st->sieved) {
		st->tally.whole += c->n;
		return;
	}
	st->tally.sieved += c->n;
	st->tally.survived += st->survived;
	if (st->survived * FLAT <= c->n) {
		st->skipped = 0;
		return;
	}
	st->tally.fallbacks++;
	st->skipped = st->skipped < 16 ? 2 * st->skipped + 1 : st->skipped;
	st->skip = st->skipped;
}

INLINE void scan_block(state *st, int64_t at, int64_t from, int64_t to, int64_t stride, uint64_t version,
		const lineup_search *s, int kernel)
{
	const lineup_chunk *c = &st->heap.chunks[at];
	if (st->error < 0)
		scan_rows(&st->heap, at, from, to, stride, version, s);
	else if (st->sieved)
		st->survived += scan_sieve(&st->heap, at, from, to, stride, st->code, st->error + c->error, version, s, &st->probe, kernel);
	else
		scan_codes(&st->heap, at, from, to, stride, st->code, st->error + c->error, version, s);
}

CLONES
void lineup_scan(const lineup_chunk *chunks, int64_t count, int64_t stride, uint64_t version,
		lineup_search *searches, int64_t many, int kernel)
{
	state states[LINEUP_MANY];
	for (int64_t i = 0; i < many; i++) {
		states[i].heap = (heap){chunks, searches[i].hits, searches[i].k, 0, searches[i].bound};
		states[i].basis = 0;
		states[i].skip = states[i].skipped = 0;
		states[i].tally = (lineup_tally){0};
	}
	for (int64_t at = 0; at < count; at++) {
		const lineup_chunk *c = &chunks[at];
		for (int64_t i = 0; i < many; i++) {
			state *st = &states[i];
			if (__atomic_load_n(searches[i].stop, __ATOMIC_RELAXED))
				st->heap.n = -1;
			if (st->heap.n < 0)
				continue;
			st->error = quantise(searches[i].query, stride, c->scale, st->code);
			st->survived = 0;
			st->sieved = worthwhile(st, c, stride, version, &searches[i]);
		}
		// One search alone goes straight through: the longer the run, the better it is prefetched.
		int64_t block = many == 1 ? c->n : BLOCK;
		for (int64_t from = 0; from < c->n; from += block) {
			int64_t to = from + block < c->n ? from + block : c->n;
			for (int64_t i = 0; i < many; i++) {
				if (states[i].heap.n < 0)
					continue;
				if (stride == 128) // the usual case, unrolled
					scan_block(&states[i], at, from, to, 128, version, &searches[i], kernel);
				else
					scan_block(&states[i], at, from, to, stride, version, &searches[i], kernel);
			}
		}
		for (int64_t i = 0; i < many; i++)
			if (states[i].heap.n >= 0)
				settle(&states[i], c);
	}
	for (int64_t i = 0; i < many; i++) {
		searches[i].n = states[i].heap.n;
		searches[i].tally = states[i].tally;
	}
}

CLONES
int64_t lineup_count(const lineup_chunk *chunks, int64_t count, uint64_t version,
		const lineup_filter *filter, const uint8_t *sources, const uint8_t *states)
{
	int64_t n = 0;
	for (int64_t at = 0; at < count; at++) {
		const lineup_chunk *c = &chunks[at];
		for (int64_t row = 0; row < c->n; row++)
			n += visible(c, row, version) && c->attrs[row].first && passes(&c->attrs[row], filter, sources, states);
	}
	return n;
}

CLONES
double lineup_largest(const float *x, int64_t count)
{
	int32_t most = 0; // floats without their sign are in the order of their bits
	for (int64_t i = 0; i < count; i++) {
		int32_t bits;
		memcpy(&bits, x + i, sizeof bits);
		bits &= INT32_MAX;
		most = bits > most ? bits : most;
	}
	float largest;
	memcpy(&largest, &most, sizeof largest);
	return isfinite(largest) ? largest : -1;
}

CLONES
double lineup_code(const float *rows, int64_t n, int64_t stride, double scale, int8_t *codes)
{
	const double whole = 6755399441055744.0; // 1.5 * 2^52: added and taken away, it leaves the nearest integer
	double most = 0;
	for (int64_t row = 0; row < n; row++) {
		lanes sum = {0};
		for (int64_t i = row * stride; i < (row + 1) * stride; i += 8) {
			narrow a;
			memcpy(&a, rows + i, sizeof a);
			lanes x = __builtin_convertvector(a, lanes) * scale;
			lanes r = (x + whole) - whole;
			bytes code = __builtin_convertvector(r, bytes);
			memcpy(codes + i, &code, sizeof code);
			sum += (x - r) * (x - r);
		}
		double squared = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
		most = squared > most ? squared : most;
	}
	return sqrt(most) / scale * (1 + 1e-9) + 1e-12;
}

CLONES
int64_t lineup_touch(const lineup_chunk *chunks, int64_t count, int64_t stride)
{
	uint64_t sum[8] = {0}, word[8];
	for (int64_t at = 0; at < count; at++)
		for (int64_t i = 0; i + 64 <= chunks[at].n * stride; i += 64) {
			memcpy(word, chunks[at].codes + i, sizeof word);
			for (int j = 0; j < 8; j++)
				sum[j] += word[j];
		}
	return (int64_t)(sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7]);
}
