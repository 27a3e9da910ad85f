#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>
#include "jpeg.h"

// Progressive files may hold any number of scans of the same pixels; no camera writes this many.
#define MAX_SCANS 200

typedef struct {
	struct jpeg_error_mgr pub;
	jmp_buf back;
	lineup_jpeg *info;
} errors;

typedef struct {
	struct jpeg_progress_mgr pub;
	const int *stop;
} progress;

static void on_error(j_common_ptr c) {
	errors *e = (errors *)c->err;
	if (e->info) {
		if (e->info->status == JPEG_GOOD) e->info->status = JPEG_BAD;
		char text[JMSG_LENGTH_MAX];
		(*c->err->format_message)(c, text);
		snprintf(e->info->message, sizeof e->info->message, "%s", text);
	}
	longjmp(e->back, 1);
}

// A warning is libjpeg going on over something broken. The first one of a cut-off file tells
// how many rows there really are.
static void on_message(j_common_ptr c, int level) {
	errors *e = (errors *)c->err;
	if (level >= 0 || !e->info) return;
	e->info->warnings++;
	if (c->is_decompressor && c->err->msg_code == JWRN_JPEG_EOF && e->info->rows < 0) {
		j_decompress_ptr d = (j_decompress_ptr)c;
		if (!e->info->progressive) e->info->rows = (int)d->output_scanline;
	}
}

static void on_progress(j_common_ptr c) {
	progress *p = (progress *)c->progress;
	errors *e = (errors *)c->err;
	if (__atomic_load_n(p->stop, __ATOMIC_RELAXED)) e->info->status = JPEG_STOPPED;
	else if (((j_decompress_ptr)c)->input_scan_number > MAX_SCANS) e->info->status = JPEG_SCANS;
	else return;
	on_error(c);
}

static void prepare(struct jpeg_decompress_struct *d, errors *e, lineup_jpeg *info) {
	memset(d, 0, sizeof *d);
	memset(info, 0, sizeof *info);
	info->rows = -1;
	d->err = jpeg_std_error(&e->pub);
	e->pub.error_exit = on_error;
	e->pub.emit_message = on_message;
	e->info = info;
}

static void describe(struct jpeg_decompress_struct *d, lineup_jpeg *info) {
	info->width = d->image_width;
	info->height = d->image_height;
	info->components = d->num_components;
	info->progressive = jpeg_has_multiple_scans(d);
}

void lineup_jpeg_header(const unsigned char *data, size_t len, lineup_jpeg *info) {
	struct jpeg_decompress_struct d;
	errors e;
	prepare(&d, &e, info);
	if (setjmp(e.back)) {
		jpeg_destroy_decompress(&d);
		return;
	}
	jpeg_create_decompress(&d);
	jpeg_mem_src(&d, data, len);
	jpeg_read_header(&d, TRUE);
	describe(&d, info);
	jpeg_destroy_decompress(&d);
}

// cmyk_row turns a row of CMYK into RGBA. Adobe's files hold the inks inverted.
static void cmyk_row(const unsigned char *in, unsigned char *out, int width, int inverted) {
	for (int x = 0; x < width; x++, in += 4, out += 4) {
		for (int i = 0; i < 3; i++) {
			int ink = inverted ? in[i] : 255 - in[i], black = inverted ? in[3] : 255 - in[3];
			out[i] = (unsigned char)((ink * black + 127) / 255);
		}
		out[3] = 255;
	}
}

void lineup_jpeg_decode(const unsigned char *data, size_t len, int eighths, const int *stop,
		unsigned char *out, int out_width, int out_height, lineup_jpeg *info) {
	struct jpeg_decompress_struct d;
	errors e;
	progress p;
	unsigned char *volatile row = NULL;
	volatile int done = 0;

	prepare(&d, &e, info);
	memset(&p, 0, sizeof p);
	p.stop = stop;
	p.pub.progress_monitor = on_progress;

	if (setjmp(e.back)) {
		// What was read before the error stands; the rest stays as the caller filled it.
		if (info->rows < 0 || info->rows > done) info->rows = done;
		jpeg_destroy_decompress(&d);
		free(row);
		return;
	}
	jpeg_create_decompress(&d);
	d.progress = &p.pub;
	jpeg_mem_src(&d, data, len);
	jpeg_read_header(&d, TRUE);
	describe(&d, info);
	int cmyk = d.num_components == 4;
	d.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_RGBA;
	d.scale_num = eighths;
	d.scale_denom = 8;
	jpeg_start_decompress(&d);
	if ((int)d.output_width != out_width || (int)d.output_height != out_height || d.output_components != 4)
		ERREXIT(&d, JERR_BAD_STATE);
	if (cmyk) {
		row = malloc((size_t)out_width * 4);
		if (!row) ERREXIT1(&d, JERR_OUT_OF_MEMORY, 0);
	}
	while (d.output_scanline < d.output_height) {
		unsigned char *to = out + (size_t)d.output_scanline * out_width * 4;
		JSAMPROW at = cmyk ? row : to;
		jpeg_read_scanlines(&d, &at, 1);
		if (cmyk) cmyk_row(row, to, out_width, d.saw_Adobe_marker);
		done = (int)d.output_scanline;
	}
	if (info->rows < 0) info->rows = done;
	jpeg_finish_decompress(&d);
	jpeg_destroy_decompress(&d);
	free(row);
}

// bounded is where an encoder writes: a buffer of its caller's that does not grow. libjpeg's own
// destination in memory grows, and when that fails leaves a pointer to what it has freed.
typedef struct {
	struct jpeg_destination_mgr pub;
	unsigned char *out;
	size_t size;
} bounded;

static void bounded_start(j_compress_ptr c) {
	bounded *b = (bounded *)c->dest;
	b->pub.next_output_byte = b->out;
	b->pub.free_in_buffer = b->size;
}

static boolean bounded_full(j_compress_ptr c) {
	ERREXIT(c, JERR_BUFFER_SIZE);
	return FALSE;
}

static void bounded_end(j_compress_ptr c) {}

size_t lineup_jpeg_encode(const unsigned char *rgba, int width, int height, int quality, unsigned char *out, size_t size) {
	struct jpeg_compress_struct c;
	errors e;
	bounded b = {{.init_destination = bounded_start, .empty_output_buffer = bounded_full, .term_destination = bounded_end}, out, size};
	memset(&c, 0, sizeof c);
	c.err = jpeg_std_error(&e.pub);
	e.pub.error_exit = on_error;
	e.pub.emit_message = on_message;
	e.info = NULL;
	if (setjmp(e.back)) {
		jpeg_destroy_compress(&c);
		return 0;
	}
	jpeg_create_compress(&c);
	c.dest = &b.pub;
	c.image_width = width;
	c.image_height = height;
	c.input_components = 4;
	c.in_color_space = JCS_EXT_RGBA;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, quality, TRUE);
	for (int i = 0; i < c.num_components; i++) c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		JSAMPROW at = (JSAMPROW)(rgba + (size_t)c.next_scanline * width * 4);
		jpeg_write_scanlines(&c, &at, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	return size - b.pub.free_in_buffer;
}
