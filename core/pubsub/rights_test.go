package pubsub_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pubsub"
)

// TestListeningEndsWithTheRightTo: whoever comes back to a subscription and waits hears nothing once the right to its patterns is taken away, although
// the request names none.
func TestListeningEndsWithTheRightTo(t *testing.T) {
	running(t, func(b *bench) {
		t := b.t
		who := auth.Identity{Name: "ann", Namespace: "default"}
		read := []auth.Permission{{Access: auth.Read, Structure: "pubsub", Name: "a.*"}}
		p := auth.NewPrincipal(who.With(read))
		id, err := p.Identity()
		if err != nil {
			t.Fatal(err)
		}
		open := b.request("pubsub.listen", `{"patterns":["a.b"]}`)
		open.Caller = id
		opened, err := b.d.Do(t.Context(), open)
		if err != nil {
			t.Fatal(err)
		}
		poll := b.request("pubsub.listen", fmt.Sprintf(`{"subscription":%q,"wait":25}`, opened.(*pubsub.ListenResponse).Subscription))
		poll.Caller = id
		began := time.Now()
		ended := make(chan error, 1)
		go func() {
			_, err := b.d.Do(t.Context(), poll)
			ended <- err
		}()
		synctest.Wait()
		p.Change(who.With(append(read, auth.Permission{Access: auth.Read, Structure: "kv", Name: "*"}))) // more is no reason to end
		synctest.Wait()
		p.Change(who.With(nil))
		if err := <-ended; fault.CodeOf(err) != fault.Denied || time.Since(began) > time.Second {
			t.Errorf("it ended with %v after %v", err, time.Since(began))
		}
	})
}

// TestAMailboxHoldsSoManyBytes: large messages that nobody comes for are lost before there are as many as small ones may be.
func TestAMailboxHoldsSoManyBytes(t *testing.T) {
	running(t, func(b *bench) {
		t := b.t
		listen := func(payload string) *pubsub.ListenResponse {
			v, err := b.d.Do(t.Context(), b.request("pubsub.listen", payload))
			if err != nil {
				t.Fatal(err)
			}
			return v.(*pubsub.ListenResponse)
		}
		name := listen(`{"patterns":["a"]}`).Subscription
		strict := b.subscribe(`{"patterns":["a"],"overflow":"close"}`, make(chan struct{}))
		const sent = 60
		for i := range sent {
			b.publish("a", fmt.Sprint(i, strings.Repeat("x", 1<<19)))
		}
		kept, lost := 0, 0
		for {
			got := listen(fmt.Sprintf(`{"subscription":%q,"limit":1000,"max_bytes":4194304}`, name))
			if lost += int(got.Dropped); len(got.Messages) == 0 { //nolint:gosec // a few
				break
			}
			kept += len(got.Messages)
			for i, m := range got.Messages {
				if want := fmt.Sprint(sent-31+kept-len(got.Messages)+i, "x"); !strings.HasPrefix(m.Message.Data(), want) {
					t.Errorf("message %d is %.6s, want %s", i, m.Message.Data(), want)
				}
			}
		}
		if kept != 31 || lost != sent-31 {
			t.Errorf("%d messages of half a MiB were kept and %d lost", kept, lost)
		}
		b.publish("a", "small")
		if got := listen(fmt.Sprintf(`{"subscription":%q}`, name)); len(got.Messages) != 1 || got.Dropped != 0 {
			t.Errorf("after all was taken: %d messages, %d lost", len(got.Messages), got.Dropped)
		}
		close(strict.gate)
		strict.done.Wait()
		if fault.CodeOf(strict.err) != fault.Exhausted {
			t.Errorf("the strict one ended with %v", strict.err)
		}
	})
}
