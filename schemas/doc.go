// Package schemas is the vocabulary of Lineup: registrants, captures, listings, faces and
// their ids and digests, beside the JSON Schemas that describe them on disk. It imports the
// standard library only, so that every room can import it.
package schemas
