package dlib

// #cgo LDFLAGS: -ldl
// #define _GNU_SOURCE
// #include <dlfcn.h>
//
// // OpenBLAS reads OPENBLAS_NUM_THREADS before main, when it is too late for us to set it, but
// // can be told later too. Another BLAS lacks the function and has no threads to be limited.
// static int lineup_one_blas_thread(void) {
// 	void (*set)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
// 	if (!set) return 0;
// 	set(1);
// 	return 1;
// }
import "C"

// oneBlasThread keeps the matrix products of one recognizer on one core: the recognizers of the
// pool share the cores already, and two that both spread out cost a third of the rate.
func oneBlasThread() { C.lineup_one_blas_thread() }
