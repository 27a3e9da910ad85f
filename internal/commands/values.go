package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lineup/config"
)

// Address is where a program listens: host:port.
type Address string

// UnmarshalText refuses what is none.
func (a *Address) UnmarshalText(text []byte) error {
	if problem := config.Address.Problem(string(text)); problem != "" && len(text) > 0 {
		return fmt.Errorf("%q %s", text, problem)
	}
	*a = Address(text)
	return nil
}

// Share is a part of a whole, from 0 to 1.
type Share float64

// UnmarshalText refuses what is none.
func (s *Share) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n >= 0 && n <= 1) {
		return fmt.Errorf("want a share from 0 to 1, like 0.05, not %q", text)
	}
	*s = Share(n)
	return nil
}

// Reason is why an operator does what cannot be undone. It must say something.
type Reason string

// UnmarshalText refuses an empty reason.
func (r *Reason) UnmarshalText(text []byte) error {
	*r = Reason(strings.TrimSpace(string(text)))
	if *r == "" {
		return errors.New("want a reason in words: it is kept, and somebody will read it")
	}
	return nil
}
