package samplesite

import (
	"errors"
	"fmt"
)

// errNobody is returned for an id the registry never had.
var errNobody = errors.New("no such registrant in the sample registry")

// Delist takes the registrants off the registry.
func (s *Site) Delist(ids ...int) error {
	return s.change(ids, func(c *change) { c.delisted = true })
}

// Relist brings the registrants back.
func (s *Site) Relist(ids ...int) error {
	return s.change(ids, func(c *change) { c.delisted = false })
}

// Move gives the registrants another address.
func (s *Site) Move(ids ...int) error {
	return s.change(ids, func(c *change) { c.moves++ })
}

// SetLevel gives the registrants another risk level.
func (s *Site) SetLevel(level int, ids ...int) error {
	return s.change(ids, func(c *change) { c.level = level })
}

// Rephotograph replaces the registrants' current photo by another view of the same person:
// "b" or "c".
func (s *Site) Rephotograph(view string, ids ...int) error {
	if view != "a" && view != "b" && view != "c" {
		return fmt.Errorf("view %q: want a, b or c", view)
	}
	return s.change(ids, func(c *change) { c.view, c.stub = view, false })
}

// Stub replaces the registrants' current photo by the picture for "no photo".
func (s *Site) Stub(ids ...int) error {
	return s.change(ids, func(c *change) { c.stub = true })
}

func (s *Site) change(ids []int, how func(*change)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if id < FirstID || id >= FirstID+s.opts.People {
			return fmt.Errorf("%d: %w", id, errNobody)
		}
	}
	s.version++
	for _, id := range ids {
		c := s.changes[id]
		how(&c)
		c.at = s.version
		s.changes[id] = c
	}
	return nil
}
