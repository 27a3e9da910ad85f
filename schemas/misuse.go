package schemas

import (
	"errors"
	"fmt"
	"io/fs"
)

// notFound is fs.ErrNotExist in the words of whoever asked for what is not there.
type notFound string

func (e notFound) Error() string        { return string(e) }
func (e notFound) Is(target error) bool { return target == fs.ErrNotExist }

// NotFound is an error that says what there is none of. It is fs.ErrNotExist, and does not speak of files.
func NotFound(format string, args ...any) error { return notFound(fmt.Sprintf(format, args...)) }

// ErrMisuse is returned for a request that can be right nowhere: a reason that is none, a future year, a source that nobody
// defines. Nothing was done, and repeating the request gives the same error.
var ErrMisuse = errors.New("misuse")

type misuse struct{ error }

func (e misuse) Is(target error) bool { return target == ErrMisuse }
func (e misuse) Unwrap() error        { return e.error }

// Misuse is an error that is ErrMisuse and says what to ask instead, as fmt.Errorf does.
func Misuse(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }
