package queue_test

import (
	"testing"

	"lineup/ingest/broker"
	"lineup/ingest/queue"
)

// TestALetterOfANewerVersionIsLeftAlone holds that it is counted, and neither listed nor touched.
func TestALetterOfANewerVersionIsLeftAlone(t *testing.T) {
	q, js := openBeside(t)
	newer := `{"schema":99,"who":["not what this version knows"]}`
	if _, err := js.Publish(t.Context(), "lineup.dead.us-zz."+string(id(1)), []byte(newer)); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, 2)
	if err := next(t, jobs(t, q)).DeadLetter(t.Context(), "engine"); err != nil {
		t.Fatal(err)
	}
	counts(t, q, 0, 2)
	letters, err := q.DeadLetters(t.Context(), 10)
	if err != nil || len(letters) != 1 || letters[0].ID != id(2) || letters[0].Schema != queue.DeadLetterSchema {
		t.Errorf("letters %+v %v, want the one of this version", letters, err)
	}
	stream, err := js.Stream(t.Context(), broker.Dead)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := stream.GetMsg(t.Context(), 1); err != nil || string(m.Data) != newer {
		t.Errorf("the newer letter is now %v, %v", m, err)
	}
}
