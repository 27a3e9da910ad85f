package search

import "errors"

// Unavailable is the error of a question that could not be answered because a part of the node
// did not answer.
type Unavailable struct {
	Part  string // "index", "ledger", "photo_store", "evidence_store"
	Cause error
}

func (u *Unavailable) Error() string { return u.Part + " unavailable: " + u.Cause.Error() }
func (u *Unavailable) Unwrap() error { return u.Cause }

func unavailable(part string, cause error) error { return &Unavailable{part, cause} }

// ErrGone says that something was here and no longer is: the registry no longer publishes it, or the operator removed
// it. Answers do not tell which.
var ErrGone = errors.New("not shown here any more")
