package index

import (
	"fmt"
	"math"

	"lineup/schemas"
)

// MaxRevision is the largest revision an entry may have: every engine tells it from its
// neighbours, also one that compares numbers as float64.
const MaxRevision = 1 << 53

// Validate reports what keeps an entry out of a generation whose model has so many dimensions.
// Every engine's Replace calls it before it writes anything, so an entry that one engine takes,
// all take. Errors: ErrEmbedding.
func (e Entry) Validate(dimensions int) error {
	if _, err := schemas.ParseUUID(string(e.ID)); err != nil {
		return fmt.Errorf("entry's id: %w", err)
	}
	if e.Revision > MaxRevision {
		return fmt.Errorf("registrant %s: revision %d is beyond what the index can keep", e.ID, e.Revision)
	}
	if e.Document == nil {
		if len(e.Faces) > 0 {
			return fmt.Errorf("registrant %s: %d faces without a document", e.ID, len(e.Faces))
		}
		return nil
	}
	if e.Source == "" {
		return fmt.Errorf("registrant %s: no source", e.ID)
	}
	if e.Document.ID != e.ID || e.Document.Revision != e.Revision {
		return fmt.Errorf("registrant %s at revision %d: the document is of %s at %d", e.ID, e.Revision, e.Document.ID, e.Document.Revision)
	}
	if e.Document.Person != "" {
		if _, err := schemas.ParseUUID(string(e.Document.Person)); err != nil {
			return fmt.Errorf("registrant %s: person: %w", e.ID, err)
		}
	}
	for _, p := range e.Document.Photos {
		if !p.Photo.Valid() {
			return fmt.Errorf("registrant %s: photo digest %.70q: want 64 hexadecimal digits", e.ID, p.Photo)
		}
	}
	for _, f := range e.Faces {
		if err := e.validateFace(f, dimensions); err != nil {
			return err
		}
	}
	return nil
}

func (e Entry) validateFace(f schemas.Face, dimensions int) error {
	if _, err := schemas.ParseUUID(string(f.ID)); err != nil {
		return fmt.Errorf("registrant %s: face's id: %w", e.ID, err)
	}
	if f.Registrant != e.ID {
		return fmt.Errorf("registrant %s: face %s is of %s", e.ID, f.ID, f.Registrant)
	}
	if !f.Photo.Valid() {
		return fmt.Errorf("face %s: photo digest %.70q: want 64 hexadecimal digits", f.ID, f.Photo)
	}
	if err := ValidateEmbedding(f.Embedding, dimensions); err != nil {
		return fmt.Errorf("face %s: %w", f.ID, err)
	}
	return nil
}

// DistinctFaces are the entry's faces, the first of each id: a record may show the same photo twice.
func (e Entry) DistinctFaces() []schemas.Face {
	var faces []schemas.Face
	seen := make(map[schemas.UUID]bool, len(e.Faces))
	for _, f := range e.Faces {
		if !seen[f.ID] {
			seen[f.ID] = true
			faces = append(faces, f)
		}
	}
	return faces
}

// ValidateEmbedding returns ErrEmbedding for an embedding that is not so many finite numbers.
func ValidateEmbedding(e []float32, dimensions int) error {
	if len(e) != dimensions {
		return fmt.Errorf("%d numbers, the model has %d: %w", len(e), dimensions, ErrEmbedding)
	}
	for i, x := range e {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("number %d is %v: %w", i, x, ErrEmbedding)
		}
	}
	return nil
}
