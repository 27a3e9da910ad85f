// Package definition holds registries that are described as data: a YAML file says how a site is
// asked and how its pages are read. This package loads and checks such files; package read runs
// them, package redact decides what of a page is kept, package notation knows how registries
// write dates, names and the like.
//
// A definition is a set of steps. A step names the request that asks for a page, the form of the
// answer (HTML, JSON, XML or tables), which parts of it are items, and what of an item becomes
// the record. Reading is strict: what no rule of the definition reads or names as ignored is
// reported as left over, so a site that changes is noticed and never silently yields less.
package definition
