package client_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/umicp/client"
	"github.com/hivellm/synap-go/umicp/umx"
)

// TestLargeCallsOnStreams: what a call on a stream of its own sends and is sent may be many frames, and several windows of a stream.
func TestLargeCallsOnStreams(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	c := dial(t, s.peers, client.Options{Limits: umx.Limits{MaxFrame: 64 << 10}})
	large := strings.Repeat("0123456789abcdef", 300_000)
	for range 3 { // together more than a window
		if _, err := c.KVSet(ctx, &client.KVSetRequest{Key: "large", Value: value.OfText(large)}, client.OnStream()); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		got, err := c.KVGet(ctx, &client.KVGetRequest{Key: "large"}, client.OnStream())
		if err != nil || got.Value.Data() != large {
			t.Fatalf("%d bytes, %v", len(got.Value.Data()), err)
		}
	}
}

// TestMoreWaitThanThereMayBeStreams: calls beyond the streams that a connection may have wait until one ends.
func TestMoreWaitThanThereMayBeStreams(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	c, other := dial(t, s.peers, client.Options{}), dial(t, s.peers, client.Options{})
	const n = umx.MaxStreams + 200
	var waiting sync.WaitGroup
	for range n {
		waiting.Go(func() {
			got, err := c.QueueReceive(ctx, &client.QueueReceiveRequest{Queue: "crowd", WaitMS: 25_000})
			if err != nil || len(got.Messages) != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	messages := make([]map[string]string, n/2)
	for i := range messages {
		messages[i] = map[string]string{"message": "m"}
	}
	for range 2 {
		if err := other.Call(ctx, "queue.publish", map[string]any{"queue": "crowd", "messages": messages}, nil); err != nil {
			t.Fatal(err)
		}
	}
	waiting.Wait()
}
