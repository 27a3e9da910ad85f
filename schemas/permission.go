package schemas

// Permission is the operator's record that a source's agency allows the crawl.
type Permission struct {
	Who       string `json:"who" yaml:"who"`             // at the agency gave it
	When      string `json:"when" yaml:"when"`           // YYYY-MM-DD
	Reference string `json:"reference" yaml:"reference"` // letter, ticket or e-mail to show when asked
	Terms     string `json:"terms" yaml:"terms"`         // URL of the terms it was given under
}

// Valid reports whether the record says who, when and by what reference.
func (p *Permission) Valid() bool {
	if p == nil || p.Who == "" || p.Reference == "" {
		return false
	}
	when, err := ParseDate(p.When)
	return err == nil && !when.IsZero()
}
