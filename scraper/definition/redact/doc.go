// Package redact decides what of a page is kept as evidence of one registrant: nothing of anybody else, nothing that
// is never stored, and of victims no more than "minor" or "adult". Reading notes what the rules looked at; HTMLOf,
// XMLOf, JSONOf and CellOf copy by it.
package redact
