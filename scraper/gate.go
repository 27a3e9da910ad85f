package scraper

import (
	"cmp"
	"fmt"

	"lineup/schemas"
)

// Permission is an operator's note that a source's agency allows the crawl.
type Permission struct {
	Who       string       `json:"who"`       // who at the agency gave it
	When      schemas.Date `json:"when"`      // when
	Reference string       `json:"reference"` // letter, ticket, e-mail: what to show when asked
	Terms     string       `json:"terms"`     // URL of the terms it was given under
}

// Valid reports whether the note says who, when and by what reference.
func (p *Permission) Valid() bool {
	return p != nil && p.Who != "" && p.Reference != "" && !p.When.IsZero()
}

// Word is an operator's note that somebody did something, and when.
type Word struct {
	Who  string
	When schemas.Date
}

// Valid reports whether the note says who and when.
func (w *Word) Valid() bool { return w != nil && w.Who != "" && !w.When.IsZero() }

// permitted holds the source's mode against what the operator recorded.
func (c *Crawl) permitted() error {
	id := c.info.ID
	switch c.info.Mode {
	case Enabled, Unverified:
		if c.info.Mode == Unverified && !c.Checked.Valid() {
			return fmt.Errorf("%s was never held against a real page: %w; try saved pages with lineup sources try, "+
				"then set sources.%s.checked (who, when)", id, ErrPermission, id)
		}
		if c.info.TermsUnread && !c.TermsRead.Valid() {
			return fmt.Errorf("nobody has read the terms of %s: %w; look for what they say of automated reading, copying and photos at %s, "+
				"then set sources.%s.terms_read (who, when)",
				id, ErrPermission, cmp.Or(c.info.Policy.Terms, c.info.Home), id)
		}
		return nil
	case PermissionRequired:
		if c.Permission.Valid() {
			return nil
		}
		return fmt.Errorf("%s: %w; set sources.%s.permission (who, when, reference, terms) once the agency has given it, or look at %s",
			c.info.ID, ErrPermission, c.info.ID, c.info.Home)
	case Import:
		return fmt.Errorf("%s is read from files: %w; use lineup import", c.info.ID, ErrPermission)
	}
	return fmt.Errorf("%s is link-only: %w; look at %s", c.info.ID, ErrPermission, c.info.Home)
}
