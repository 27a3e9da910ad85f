// Package blas speaks to the matrix library that dlib is linked with, as far as speed depends on
// it: how many threads it takes, and which of its kernels it computes with.
package blas

// #cgo LDFLAGS: -lblas -lcblas -ldl
// #define _GNU_SOURCE
// #include <dlfcn.h>
//
// extern void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha,
// 	const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
// extern void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha,
// 	const double *a, int lda, const double *b, int ldb, double beta, double *c, int ldc);
//
// // Only OpenBLAS has these functions: another library is asked nothing.
// static const char *lineup_blas_says(const char *function) {
// 	char *(*says)(void) = (char *(*)(void))dlsym(RTLD_DEFAULT, function);
// 	return says ? says() : "";
// }
//
// // OpenBLAS reads OPENBLAS_NUM_THREADS before main, when it is too late for us to set it, but
// // can be told later too. Another library lacks the function and has no threads to be limited.
// static void lineup_blas_one_thread(void) {
// 	void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
// 	if (set) set(1);
// }
import "C"

import (
	"strings"
	"unsafe"
)

// OneThread keeps each matrix product on the core of its caller: recognizers that run side by
// side share the cores already, and two that both spread out cost a third of the rate.
func OneThread() { C.lineup_blas_one_thread() }

// coreName is the kernel OpenBLAS computes with, like "Haswell"; "" for another library.
func coreName() string { return says("openblas_get_corename") }

// libraryName is OpenBLAS with its version; "" for another library.
func libraryName() string {
	words := strings.Fields(says("openblas_get_config"))
	return strings.Join(words[:min(2, len(words))], " ")
}

func says(function string) string {
	name := []byte(function + "\x00")
	return C.GoString(C.lineup_blas_says((*C.char)(unsafe.Pointer(&name[0]))))
}

const (
	rowMajor   = 101 // CblasRowMajor
	plain      = 111 // CblasNoTrans
	transposed = 112 // CblasTrans
)

// multiply computes c = alpha a b + beta c with the library, a being m x k and b k x n numbers
// in rows; with transA or transB the matrix lies transposed in memory.
func multiply(transA, transB bool, m, n, k int, alpha float32, a, b []float32, beta float32, c []float32) {
	orderA, lda := order(transA, m, k)
	orderB, ldb := order(transB, k, n)
	C.cblas_sgemm(rowMajor, orderA, orderB, C.int(m), C.int(n), C.int(k), C.float(alpha), (*C.float)(&a[0]), lda,
		(*C.float)(&b[0]), ldb, C.float(beta), (*C.float)(&c[0]), C.int(n))
}

// multiplyDouble is multiply in double precision.
func multiplyDouble(transA, transB bool, m, n, k int, alpha float64, a, b []float64, beta float64, c []float64) {
	orderA, lda := order(transA, m, k)
	orderB, ldb := order(transB, k, n)
	C.cblas_dgemm(rowMajor, orderA, orderB, C.int(m), C.int(n), C.int(k), C.double(alpha), (*C.double)(&a[0]), lda,
		(*C.double)(&b[0]), ldb, C.double(beta), (*C.double)(&c[0]), C.int(n))
}

func order(trans bool, rows, columns int) (order, stride C.int) {
	if trans {
		return transposed, C.int(rows)
	}
	return plain, C.int(columns)
}
