package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/vector"
)

// TestWhatIsMadeIsToldOnceAndAtOnce has a watcher ask again and again, from where it came, while rooms and collections are made and
// much else is written: whenever it has nothing more to hear it has heard of all that there is, and of nothing else.
func TestWhatIsMadeIsToldOnceAndAtOnce(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := synaptest.Record(t, func() []*command.Structure {
				return []*command.Structure{kv.Structure(kv.Options{}), stream.Structure(stream.Options{}), vector.Structure()}
			})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Engine.Run(ctx) }()
			defer func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			if _, err := r.Try("stream.append", `{"room":"old","data":1}`); err != nil {
				t.Fatal(err)
			}
			var made, known, told atomic.Int64 // how many were, of how many the watcher knows, and how many times it was told
			var stop atomic.Bool
			watching := make(chan struct{})
			from := watchOnce(t, r, "", 0).Position
			go func() {
				defer close(watching)
				for !stop.Load() {
					found := watchOnce(t, r, from, 2000)
					if from = found.Position; len(found.Events) > 0 {
						known.Store(made.Load())
					}
					told.Add(int64(len(found.Events)))
				}
			}()
			random := rand.New(rand.NewPCG(seed, 1))
			for i := range 200 {
				var err error
				what := random.IntN(8)
				if what == 1 || what == 2 {
					made.Add(1)
				}
				switch what {
				case 0:
					<-time.After(time.Duration(random.IntN(3000)) * time.Millisecond)
				case 1:
					_, err = r.Try("stream.append", fmt.Sprintf(`{"room":"r%d","data":1}`, i))
				case 2:
					_, err = r.Try("vector.collection.create", fmt.Sprintf(`{"collection":"c%d","dimension":1}`, i))
				case 3:
					_, err = r.Try("stream.append", `{"room":"old","data":1}`)
				default:
					_, err = r.Try("kv.set", fmt.Sprintf(`{"key":"k%d","value":1}`, i))
				}
				if err != nil {
					t.Fatal(err)
				}
				if random.IntN(3) == 0 {
					synctest.Wait()
					if known.Load() != made.Load() {
						t.Fatalf("seed %d: %d were made, and it is known of %d", seed, made.Load(), known.Load())
					}
				}
			}
			stop.Store(true)
			<-watching
			if told.Load() > made.Load() {
				t.Errorf("seed %d: of %d that were made it was told %d times", seed, made.Load(), told.Load())
			}
		})
	}
}

// watched is an answer of server.watch.
type watched struct {
	Events   []json.RawMessage
	Position string
}

func watchOnce(t *testing.T, r *synaptest.Recording, from string, wait int) (found watched) {
	x := r.Engine.Dispatcher()
	c, err := x.Table().Find("server.watch")
	if err != nil {
		t.Error(err)
		return found
	}
	payload := fmt.Sprintf(`{"made":["streams","collections"],"wait_ms":%d}`, wait)
	if from != "" {
		payload = fmt.Sprintf(`{"made":["streams","collections"],"wait_ms":%d,"from":%q}`, wait, from)
	}
	answer, err := command.Collect(context.Background(), x, &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)})
	if err == nil {
		var text []byte
		if text, err = json.Marshal(answer); err == nil {
			err = json.Unmarshal(text, &found)
		}
	}
	if err != nil || found.Position == "" {
		t.Errorf("it answers %+v: %v", found, err)
	}
	return found
}
