package command_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/command"
)

func TestWaiting(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		start := time.Now()
		if got, want := b.do(b.request("toy.take", `{"name":"a","wait_ms":3000}`)), `{"count":0}`; got != want {
			t.Errorf("nothing came: got %s, want %s", got, want)
		}
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("waited %s, want 3s", waited)
		}
		if got, want := b.do(b.request("toy.take", `{"name":"a","wait_ms":3600000}`)), `{"count":0}`; got != want {
			t.Errorf("an hour: got %s, want %s", got, want)
		}
		if waited := time.Since(start); waited > 3*time.Second+2*command.MaxWait {
			t.Errorf("waited %s in all", waited)
		}
	})
}

// TestTransactionsGoOnWhileSomebodyWaits would never end if a waiting command kept the gate.
func TestTransactionsGoOnWhileSomebodyWaits(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		var waiters sync.WaitGroup
		for range 3 {
			waiters.Go(func() {
				if got := b.do(b.request("toy.take", `{"name":"a","wait_ms":20000}`)); got == `{"count":0}` {
					t.Error("nothing came in spite of the transaction")
				}
			})
		}
		synctest.Wait()
		if _, err := b.d.Transact(t.Context(), []*command.Request{b.request("toy.add", `{"name":"a","by":3}`)}); err != nil {
			t.Error(err)
		}
		waiters.Wait()
		if got := b.state()["a"].n; got != 0 {
			t.Errorf("%d are left", got)
		}
	})
}

func TestATransactionDoesNotWait(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		start := time.Now()
		answers, err := b.d.Transact(t.Context(), []*command.Request{b.request("toy.take", `{"name":"a","wait_ms":20000}`)})
		if err != nil || outcome(t, answers[0], nil) != `{"count":0}` || time.Since(start) > 0 {
			t.Errorf("got %v, %v after %s", answers, err, time.Since(start))
		}
	})
}

func TestAWaitEndsWithItsCaller(t *testing.T) {
	running(t, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		v, err := b.d.Do(ctx, b.request("toy.take", `{"name":"a","wait_ms":20000}`))
		if got, want := outcome(t, v, err), `! timeout the request ran out of time`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// The gate was given back just once: a transaction gets through, and so does the next command.
		if _, err := b.d.Transact(t.Context(), []*command.Request{b.request("toy.add", `{"name":"a"}`)}); err != nil {
			t.Error(err)
		}
	})
}
