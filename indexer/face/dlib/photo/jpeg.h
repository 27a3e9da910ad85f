#pragma once
#include <stddef.h>

typedef struct {
	int width, height;   // pixels as stored
	int components;      // 1 gray, 3 colour, 4 CMYK
	int progressive;     // the whole picture is held in memory while decoding
	int warnings;        // what libjpeg put up with
	int rows;            // output rows that stand on data
	int status;          // JPEG_...
	char message[200];
} lineup_jpeg;

enum { JPEG_GOOD = 0, JPEG_BAD = 1, JPEG_STOPPED = 2, JPEG_SCANS = 3 };

// lineup_jpeg_header reads sizes only.
void lineup_jpeg_header(const unsigned char *data, size_t len, lineup_jpeg *info);

// lineup_jpeg_decode writes the picture, reduced to eighths (1 to 8) of its width and height, as
// RGBA into out, which has out_width * out_height * 4 bytes. It ends soon after *stop is no longer 0.
void lineup_jpeg_decode(const unsigned char *data, size_t len, int eighths, const int *stop,
	unsigned char *out, int out_width, int out_height, lineup_jpeg *info);

// lineup_jpeg_encode writes a baseline JPEG without chroma subsampling into out and returns its
// length; 0 when it needs more than size bytes, or more memory than there is.
size_t lineup_jpeg_encode(const unsigned char *rgba, int width, int height, int quality, unsigned char *out, size_t size);
