package blas

// #include <dlib/revision.h>
import "C"

import "fmt"

// DlibVersion is the version of dlib that the program is built with.
func DlibVersion() string {
	return fmt.Sprintf("%d.%d.%d", C.DLIB_MAJOR_VERSION, C.DLIB_MINOR_VERSION, C.DLIB_PATCH_VERSION)
}
