// Package read runs a definition: a Source turns the bytes of a page into drafts and next requests. It asks nobody;
// the same page always gives the same answer.
package read
