package core_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/journal"
)

// slow is a journal whose disk never gets there: nobody is told how safe a record is until go is closed.
type slow struct {
	*journal.Memory
	asked, ready chan struct{}
}

func (j slow) Wait(ctx context.Context, seq uint64, level journal.Durability) (journal.Durability, error) {
	j.asked <- struct{}{}
	<-j.ready
	return j.Memory.Wait(ctx, seq, level)
}

// TestASaveHasTheAnswersOfAllItCovers begins a save while a caller with an idempotency key still waits for the disk. Its record
// has a number, so that nobody who recovers from the save reads it in the log: the answer has to be in the save, or
// a retry does everything again.
func TestASaveHasTheAnswersOfAllItCovers(t *testing.T) {
	for name, payload := range map[string]string{
		"kv.increment": `{"key":"n"}`,
		"txn.exec":     `{"do":[{"command":"kv.increment","payload":{"key":"n"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			j := slow{journal.NewMemory(journal.MemoryOptions{Epoch: 1}), make(chan struct{}), make(chan struct{})}
			w := newWorldOn(t, j)
			answered := make(chan string)
			call := func(w *world) string {
				r := w.request(name, payload)
				r.IdempotencyKey = "once"
				answer, err := w.answer(r)
				if err != nil {
					t.Error(err)
				}
				return answer
			}
			go func() { answered <- call(w) }()
			<-j.asked
			again := newWorld(t)
			if err := w.engine.Save(t.Context(), again.engine.Restore); err != nil {
				t.Fatal(err)
			}
			close(j.ready)
			first := <-answered
			if got := call(again); !sameJSON(t, got, first) {
				t.Errorf("who recovers from the save answers a retry with %s; the first answer was %s", got, first)
			}
			if got := again.do("kv.get", `{"key":"n"}`); !strings.Contains(got, `"value":1,`) {
				t.Errorf("and has %s", got)
			}
		})
	}
}
