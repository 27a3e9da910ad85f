package ledger_test

import (
	"context"
	"fmt"
	"os"

	"lineup/ingest/ledger"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// The ledger says who is listed. A change is a function of the listing as it is, called again where somebody else
// was faster.
func Example() {
	dir, err := os.MkdirTemp("", "broker")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	js, shut, err := stores.Start(dir)
	if err != nil {
		panic(err)
	}
	defer shut()
	ctx := context.Background()
	l, err := ledger.Open(ctx, js, 1)
	if err != nil {
		panic(err)
	}

	who := schemas.RegistrantID("us-zz", "1001")
	if _, err := l.Update(ctx, "us-zz", who, func(s *schemas.Listing) error {
		s.Listed, s.Revision = true, s.Revision+1
		return nil
	}); err != nil {
		panic(err)
	}
	listing, err := l.Listing(ctx, "us-zz", who)
	fmt.Println(listing.Listed, listing.Revision, err)
	// Output: true 1 <nil>
}
