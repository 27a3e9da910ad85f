package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"lineup/indexer/index/indextest"
)

// waitFor lets others run until so many calls of Replace wait for the writer.
func waitFor(g *generation, calls int) {
	for {
		g.mu.Lock()
		n := len(g.waiting)
		g.mu.Unlock()
		if n == calls {
			return
		}
		runtime.Gosched()
	}
}

// TestWritersShareATransaction: whoever waits for the writer is written with the others in one transaction; who leaves before is
// not, and whose rows cannot be written fails alone.
func TestWritersShareATransaction(t *testing.T) {
	x, err := Open(t.Context(), t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	indextest.Serving(t, x, indextest.Model)
	indextest.Put(t, x, indextest.Person(100, 1, nil))
	g, release, err := x.use(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	seq := func() (n int) {
		t.Helper()
		if err := g.read.QueryRow("SELECT seq FROM counter").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	together := func(want int, bad func(n int) bool) {
		t.Helper()
		before := seq()
		g.writing <- struct{}{}
		errs := make([]chan error, 8)
		for n := range errs {
			errs[n] = make(chan error, 1)
			go func() {
				errs[n] <- x.Replace(context.Background(), "one", indextest.Person(n, 1, nil), indextest.Person(n+50, 1, nil))
			}()
		}
		waitFor(g, len(errs))
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- x.Replace(ctx, "one", indextest.Person(99, 1, nil)) }()
		waitFor(g, len(errs)+1)
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		<-g.writing
		for n := range errs {
			if err := <-errs[n]; (err != nil) != bad(n) {
				t.Errorf("call %d: %v", n, err)
			}
		}
		if got := seq() - before; got != want {
			t.Errorf("%d transactions, want %d", got, want)
		}
	}
	together(1, func(int) bool { return false })
	docs, err := x.Lookup(t.Context(), indextest.Person(7, 1, nil).ID, indextest.Person(57, 1, nil).ID, indextest.Person(99, 1, nil).ID)
	if err != nil || len(docs) != 2 {
		t.Errorf("%d documents, %v, want both of call 7 and nobody who left", len(docs), err)
	}
	_, err = g.write.Exec(fmt.Sprintf("CREATE TRIGGER full BEFORE INSERT ON document WHEN NEW.rid = "+
		"(SELECT rid FROM registrant WHERE id = x'%s') "+
		"BEGIN SELECT RAISE(ABORT, 'no room'); END", strings.ReplaceAll(string(indextest.Person(3, 1, nil).ID), "-", "")))
	if err != nil {
		t.Fatal(err)
	}
	together(7, func(n int) bool { return n == 3 })
	if err := x.Replace(t.Context(), "one"); err != nil {
		t.Errorf("a call without entries: %v", err)
	}
}
