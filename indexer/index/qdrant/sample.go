package qdrant

import (
	"context"
	"fmt"
	"slices"

	"github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Sample takes the faces whose ids follow one that the seed gives: ids are digests, so their
// neighbourhood is spread over the gallery.
func (x *Index) Sample(ctx context.Context, name string, n int, seed uint64) (faces []schemas.Face, err error) {
	if !index.ValidName(name) {
		return nil, missing(name)
	}
	start := string(schemas.FaceID("", schemas.Digest(fmt.Sprint("sample ", seed))))
	for _, from := range []string{start, "00000000-0000-0000-0000-000000000000"} {
		request := &qdrant.ScrollPoints{CollectionName: x.faces(name), Offset: qdrant.NewIDUUID(from),
			Limit:       qdrant.PtrOf(uint32(min(max(n, 1), page))),
			WithPayload: qdrant.NewWithPayloadInclude("face"), WithVectors: qdrant.NewWithVectors(true)}
		err := x.scroll(ctx, "sample", request, func(p *qdrant.RetrievedPoint) (bool, error) {
			if len(faces) >= n || from != start && p.GetId().GetUuid() >= start {
				return false, nil
			}
			f, err := decodeFace(p.GetPayload())
			if err != nil {
				return false, err
			}
			f.Embedding, err = vectorOf(p)
			faces = append(faces, f)
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	return faces, nil
}

// Persons tells who shares a person.
func (x *Index) Persons(ctx context.Context, name string, ids ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error) {
	if !index.ValidName(name) {
		return nil, missing(name)
	}
	persons := map[schemas.UUID]schemas.UUID{}
	for part := range slices.Chunk(validIDs(ids), page) {
		err := x.call(ctx, "persons", func(ctx context.Context) error {
			points, err := x.client.Get(ctx, &qdrant.GetPoints{CollectionName: x.registrants(name), Ids: pointIDs(part),
				WithPayload: qdrant.NewWithPayloadInclude("listed", "person")})
			if err != nil {
				return err
			}
			for _, p := range points {
				if person := p.GetPayload()["person"].GetStringValue(); person != "" && p.GetPayload()["listed"].GetBoolValue() {
					persons[schemas.UUID(p.GetId().GetUuid())] = schemas.UUID(person)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return persons, nil
}
