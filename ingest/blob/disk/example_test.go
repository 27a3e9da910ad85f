package disk_test

import (
	"context"
	"fmt"
	"os"

	"lineup/ingest/blob"
	"lineup/ingest/blob/disk"
	"lineup/schemas"
)

// A blob belongs to one registrant and is named by its digest, so that it can be checked when it is read and
// deleted with everything else of that registrant.
func Example() {
	dir, err := os.MkdirTemp("", "blobs")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := disk.Open(dir)
	if err != nil {
		panic(err)
	}
	defer store.Close()

	ctx, owner := context.Background(), schemas.RegistrantID("us-zz", "1001")
	ref, err := store.Put(ctx, owner, blob.Page, []byte("what the site said"))
	if err != nil {
		panic(err)
	}
	data, err := store.Get(ctx, ref)
	fmt.Println(ref.Kind, string(data), err)
	// Output: page what the site said <nil>
}
