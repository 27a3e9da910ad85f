package main

import (
	"fmt"
)

// The exit codes. A command's help says which it has besides.
const (
	exitDone        = 0
	exitFailed      = 1 // or found what it looks for: differences, faults, something that needs a human
	exitMisuse      = 2 // wrong arguments or a wrong configuration: nothing was done
	exitUnknown     = 3 // could not tell, because an engine did not answer
	exitInterrupted = 130
)

// exitCodes are told by the program's help.
const exitCodes = "Exit codes: 0 done, 1 failed or found something (the command's help says what), 2 wrong arguments or configuration, " +
	"3 could not tell, 130 interrupted."

// exitError ends the program with a code of its own; a nil err has been reported already.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }
