package ledger_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"lineup/ingest/broker"
	"lineup/ingest/ledger"
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
	b, err := broker.Start(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	defer b.Close()
	nc, err := b.Connect()
	if err != nil {
		panic(err)
	}
	defer nc.Close()
	ctx := context.Background()
	js, err := broker.JetStream(ctx, nc)
	if err != nil {
		panic(err)
	}
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
