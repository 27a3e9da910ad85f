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

// ErrGone says that what was here is not any more: the registry no longer publishes it, or the operator
// removed it. Which of the two is nobody's business.
var ErrGone = errors.New("not shown here any more")
