// Runs the decoder and the encoder with every single allocation failing in turn, and ends with
// an error where memory is freed twice, or freed and never allocated, or left behind.
#include <stdio.h>
#include <stdlib.h>
#include "jpeg.h"

void *__libc_malloc(size_t size);
void __libc_free(void *p);

enum { MOST = 4096 };
static void *live[MOST];
static long allocated, failing;
static int counting, wrong;

void *malloc(size_t size) {
	if (counting && ++allocated == failing) return NULL;
	void *p = __libc_malloc(size);
	if (!counting) return p;
	for (int i = 0; i < MOST; i++) {
		if (!live[i]) {
			live[i] = p;
			return p;
		}
	}
	abort();
}

void free(void *p) {
	if (!p) return;
	if (!counting) {
		__libc_free(p);
		return;
	}
	for (int i = 0; i < MOST; i++) {
		if (live[i] == p) {
			live[i] = NULL;
			__libc_free(p);
			return;
		}
	}
	wrong++;
}

static void begin(long fail) {
	allocated = 0;
	failing = fail;
	counting = 1;
}

static int end(const char *what, long fail) {
	counting = 0;
	int left = 0;
	for (int i = 0; i < MOST; i++) {
		if (live[i]) left++;
		live[i] = NULL;
	}
	if (wrong || left) printf("%s, allocation %ld failing: %d wrong frees, %d blocks left\n", what, fail, wrong, left);
	return wrong || left;
}

int main(int argc, char **argv) {
	static unsigned char file[1 << 20], pixels[1 << 22], out[1 << 20];
	long failed = 0;
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n = f ? fread(file, 1, sizeof file, f) : 0;
		if (!n) return 2;
		fclose(f);
		for (long fail = 1, done = 0; !done; fail++, failed++) {
			lineup_jpeg info, whole;
			int stop = 0;
			lineup_jpeg_header(file, n, &info);
			begin(fail);
			lineup_jpeg_decode(file, n, 8, &stop, pixels, info.width, info.height, &whole);
			done = allocated < fail;
			if (end(argv[i], fail)) return 1;
		}
	}
	unsigned int noise = 1; // so that the JPEG outgrows whatever room it starts with
	for (size_t i = 0; i < 200 * 300 * 4; i++) pixels[i] = (noise = noise * 1664525 + 1013904223) >> 24;
	for (long fail = 1, done = 0; !done; fail++, failed++) {
		begin(fail);
		lineup_jpeg_encode(pixels, 200, 300, 100, out, sizeof out);
		done = allocated < fail;
		if (end("encode", fail)) return 1;
	}
	printf("%ld failures\n", failed);
	return failed < 20;
}
