// The sieve: a few numbers of each row whose distance never exceeds the row's own, so that most
// rows need not be looked at. With orthonormal axes A, z = A(x - m), w = A(q - m), and t and u the lengths
// of what the axes leave of x - m and q - m, |x - q|^2 >= |z - w|^2 + (t - u)^2: Pythagoras for the
// part in the axes' space and the one outside, and the reverse triangle inequality on the latter.

#include "sieve.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_X86 1
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define MAX_STRIDE 4096
#define FOURS (LINEUP_SIEVE / 4)

typedef double lanes __attribute__((vector_size(64)));
typedef float narrow __attribute__((vector_size(32)));

// rounding bounds, with much to spare, what float64 arithmetic and axes that are orthonormal to
// 1e-9 may move (z, t) by, as a share of |row - mean|: t is the root of a difference, so its
// error is that of the root of 2^-52 times the number of terms.
static const double rounding = 1e-6;

CLONES
double lineup_rotate(const lineup_basis *basis, const float *row, int64_t stride, double *z)
{
	double y[MAX_STRIDE];
	lanes sum = {0};
	for (int64_t i = 0; i < stride; i += 8) {
		narrow x;
		lanes m;
		memcpy(&x, row + i, sizeof x);
		memcpy(&m, basis->mean + i, sizeof m);
		lanes d = __builtin_convertvector(x, lanes) - m;
		memcpy(y + i, &d, sizeof d);
		sum += d * d;
	}
	double squared = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])), left = squared;
	for (int a = 0; a < LINEUP_AXES; a++) {
		const double *axis = basis->axes + a * stride;
		lanes dot = {0};
		for (int64_t i = 0; i < stride; i += 8) {
			lanes u, v;
			memcpy(&u, axis + i, sizeof u);
			memcpy(&v, y + i, sizeof v);
			dot += u * v;
		}
		z[a] = ((dot[0] + dot[4]) + (dot[1] + dot[5])) + ((dot[2] + dot[6]) + (dot[3] + dot[7]));
		left -= z[a] * z[a];
	}
	z[LINEUP_AXES] = left > 0 ? sqrt(left) : 0;
	return sqrt(squared);
}

double lineup_sieve_code(const lineup_basis *basis, const float *rows, int64_t n, int64_t stride, int64_t at,
		uint8_t *sieve, int32_t *norms, int64_t *odd)
{
	double most = 0;
	for (int64_t row = 0; row < n; row++) {
		double z[LINEUP_SIEVE], squared = 0;
		int code[LINEUP_SIEVE], norm = 0, fits = 1;
		double length = lineup_rotate(basis, rows + row * stride, stride, z);
		z[LINEUP_AXES] -= basis->centre;
		for (int i = 0; i < LINEUP_SIEVE; i++) {
			double x = z[i] * basis->scale, r = rint(x);
			if (!(fabs(r) <= 127)) {
				fits = 0;
				break;
			}
			code[i] = (int)r;
			norm += code[i] * code[i];
			squared += (x - r) * (x - r);
		}
		int64_t to = at + row;
		uint8_t *p = sieve + to / LINEUP_GROUP * LINEUP_GROUP * LINEUP_SIEVE + to % LINEUP_GROUP * 4;
		for (int i = 0; i < LINEUP_SIEVE; i++)
			p[i / 4 * LINEUP_GROUP * 4 + i % 4] = (uint8_t)(fits ? code[i] + 128 : 0);
		norms[to] = fits ? norm : LINEUP_ALWAYS;
		if (!fits) {
			++*odd;
			continue;
		}
		double error = sqrt(squared) / basis->scale * (1 + 1e-9) + rounding * length + 1e-12;
		most = error > most ? error : most;
	}
	return most;
}

void lineup_probe_code(const lineup_basis *basis, const float *query, int64_t stride, lineup_probe *probe)
{
	double z[LINEUP_SIEVE], squared = 0;
	double length = lineup_rotate(basis, query, stride, z);
	int32_t norm = 0, sum = 0;
	z[LINEUP_AXES] -= basis->centre;
	for (int i = 0; i < LINEUP_SIEVE; i++) {
		double x = z[i] * basis->scale, r = fmax(-127, fmin(127, rint(x)));
		probe->code[i] = (int8_t)r;
		norm += probe->code[i] * probe->code[i];
		sum += probe->code[i];
		squared += (x - r) * (x - r);
		(i % 2 ? probe->odd : probe->even)[i / 4][i % 4 / 2] = (int16_t)r;
	}
	probe->scale = basis->scale;
	probe->own = sqrt(squared) / basis->scale * (1 + 1e-9) + rounding * length + 1e-12;
	// |x - q|^2 = |x|^2 + |q|^2 - 2 x q, and the rows' codes are kept with 128 added.
	probe->base = norm + 256 * sum;
}

// found lists the rows of a group by the bits of a mask.
static inline __attribute__((always_inline))
void found(lineup_survivors *out, const lineup_chunk *chunk, int64_t stride, int64_t group, uint32_t mask)
{
	for (; mask; mask &= mask - 1) {
		int64_t row = group * LINEUP_GROUP + __builtin_ctz(mask);
		out->rows[out->n++] = (int32_t)row;
		__builtin_prefetch(chunk->codes + row * stride);
		__builtin_prefetch(chunk->codes + row * stride + 64);
	}
}

#define SIFT const lineup_chunk *chunk, int64_t stride, int64_t group, int64_t end, \
		const lineup_probe *probe, int32_t most, lineup_survivors *out

#ifdef HAVE_X86

// One instruction multiplies and adds four numbers of each of the 16 rows.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
static int64_t sift_vnni(SIFT)
{
	__m512i code[FOURS], base = _mm512_set1_epi32(probe->base), bound = _mm512_set1_epi32(most);
	for (int g = 0; g < FOURS; g++) {
		int32_t four;
		memcpy(&four, probe->code + 4 * g, sizeof four);
		code[g] = _mm512_set1_epi32(four);
	}
	for (; group < end && out->n < LINEUP_ROOM; group++) {
		const uint8_t *p = chunk->sieve + group * LINEUP_GROUP * LINEUP_SIEVE;
		__m512i a = _mm512_setzero_si512(), b = a;
		for (int g = 0; g < FOURS; g += 2) {
			a = _mm512_dpbusd_epi32(a, _mm512_loadu_si512(p + 64 * g), code[g]);
			b = _mm512_dpbusd_epi32(b, _mm512_loadu_si512(p + 64 * g + 64), code[g + 1]);
		}
		__m512i norm = _mm512_add_epi32(_mm512_loadu_si512(chunk->norms + group * LINEUP_GROUP), base);
		__m512i d = _mm512_sub_epi32(norm, _mm512_slli_epi32(_mm512_add_epi32(a, b), 1));
		__mmask16 mask = _mm512_cmple_epi32_mask(d, bound);
		if (__builtin_expect(mask != 0, 0))
			found(out, chunk, stride, group, mask);
	}
	return group;
}

// The even and the odd bytes apart, each times its number: products of 8-bit numbers added in pairs
// would not fit 16 bits. The sums of pairs lie in the rows' order.
__attribute__((target("avx2")))
static int64_t sift_avx2(SIFT)
{
	__m256i even[FOURS], odd[FOURS], low = _mm256_set1_epi16(255);
	__m256i base = _mm256_set1_epi32(probe->base), bound = _mm256_set1_epi32(most);
	for (int g = 0; g < FOURS; g++) {
		int32_t two;
		memcpy(&two, probe->even[g], sizeof two);
		even[g] = _mm256_set1_epi32(two);
		memcpy(&two, probe->odd[g], sizeof two);
		odd[g] = _mm256_set1_epi32(two);
	}
	for (; group < end && out->n < LINEUP_ROOM; group++) {
		uint32_t mask = 0;
		for (int half = 0; half < 2; half++) {
			const uint8_t *p = chunk->sieve + group * LINEUP_GROUP * LINEUP_SIEVE + 32 * half;
			__m256i a = _mm256_setzero_si256(), b = a;
			for (int g = 0; g < FOURS; g++) {
				__m256i x = _mm256_loadu_si256((const __m256i *)(p + 64 * g));
				a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_and_si256(x, low), even[g]));
				b = _mm256_add_epi32(b, _mm256_madd_epi16(_mm256_srli_epi16(x, 8), odd[g]));
			}
			const void *norms = chunk->norms + group * LINEUP_GROUP + 8 * half;
			__m256i norm = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)norms), base);
			__m256i d = _mm256_sub_epi32(norm, _mm256_slli_epi32(_mm256_add_epi32(a, b), 1));
			mask |= (uint32_t)(~_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(d, bound))) & 255) << 8 * half;
		}
		if (__builtin_expect(mask != 0, 0))
			found(out, chunk, stride, group, mask);
	}
	return group;
}

#endif

CLONES
static int64_t sift_plain(SIFT)
{
	for (; group < end && out->n < LINEUP_ROOM; group++) {
		const uint8_t *p = chunk->sieve + group * LINEUP_GROUP * LINEUP_SIEVE;
		const int32_t *norms = chunk->norms + group * LINEUP_GROUP;
		int32_t sum[LINEUP_GROUP] = {0};
		for (int g = 0; g < FOURS; g++, p += 4 * LINEUP_GROUP) {
			const int8_t *q = probe->code + 4 * g;
			for (int j = 0; j < LINEUP_GROUP; j++)
				sum[j] += p[4 * j] * q[0] + p[4 * j + 1] * q[1] + p[4 * j + 2] * q[2] + p[4 * j + 3] * q[3];
		}
		uint32_t mask = 0;
		for (int j = 0; j < LINEUP_GROUP; j++)
			mask |= (uint32_t)(norms[j] + probe->base - 2 * sum[j] <= most) << j;
		if (__builtin_expect(mask != 0, 0))
			found(out, chunk, stride, group, mask);
	}
	return group;
}

int lineup_kernel(void)
{
#ifdef HAVE_X86
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
		return LINEUP_VNNI;
	if (__builtin_cpu_supports("avx2"))
		return LINEUP_AVX2;
#endif
	return LINEUP_PLAIN;
}

int64_t lineup_sift(int kernel, SIFT)
{
#ifdef HAVE_X86
	if (kernel == LINEUP_VNNI)
		return sift_vnni(chunk, stride, group, end, probe, most, out);
	if (kernel == LINEUP_AVX2)
		return sift_avx2(chunk, stride, group, end, probe, most, out);
#endif
	return sift_plain(chunk, stride, group, end, probe, most, out);
}
