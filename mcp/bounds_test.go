package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/mark3labs/mcp-go/server"
)

// replayed returns the messages that a client which saw lastID missed.
func replayed(es *events, session, lastID string) (messages []string, stream string, err error) {
	stream, err = es.ReplayEventsAfter(context.Background(), session, lastID, func(_ string, m json.RawMessage) error {
		messages = append(messages, string(m))
		return nil
	})
	return messages, stream, err
}

// check verifies that the counts are the sums of what is there.
func (es *events) check(t *testing.T) {
	t.Helper()
	total, n := 0, 0
	for name, log := range es.sessions {
		sum := 0
		for _, e := range log.events {
			sum += len(e.Value.(*event).message)
		}
		if sum != log.bytes || len(log.events) == 0 || len(log.events) > maxEventsPerSession || sum > maxEventBytesPerSession {
			t.Errorf("session %s: %d events of %d bytes, counted %d", name, len(log.events), sum, log.bytes)
		}
		total += sum
		n += len(log.events)
	}
	if total != es.bytes || n != es.order.Len() || total > maxEventBytes {
		t.Errorf("%d events of %d bytes, counted %d of %d", n, total, es.order.Len(), es.bytes)
	}
}

func store(t *testing.T, es *events, session, stream, message string) string {
	t.Helper()
	id, err := es.StoreEvent(context.Background(), session, stream, json.RawMessage(message))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEventsAreReplayedByStream(t *testing.T) {
	es := newEvents()
	first := store(t, es, "s", "a", "1")
	store(t, es, "s", "b", "2")
	store(t, es, "other", "a", "3")
	store(t, es, "s", "a", "4")
	got, stream, err := replayed(es, "s", first)
	if err != nil || stream != "a" || strings.Join(got, " ") != "4" {
		t.Errorf("got %v of %q (%v), want 4 of a", got, stream, err)
	}
	if _, _, err := replayed(es, "other", first); !errors.Is(err, server.ErrUnknownEventID) {
		t.Errorf("another session's event: %v", err)
	}
	if err := es.PurgeSession(context.Background(), "s"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := replayed(es, "s", first); !errors.Is(err, server.ErrUnknownEventID) {
		t.Errorf("after the purge: %v", err)
	}
	es.check(t)
	if len(es.sessions) != 1 {
		t.Errorf("%d sessions, want the other one", len(es.sessions))
	}
}

func TestEventsAreBounded(t *testing.T) {
	es := newEvents()
	first := store(t, es, "many", "a", "x")
	for i := range 2 * maxEventsPerSession {
		store(t, es, "many", "a", strconv.Itoa(i))
	}
	es.check(t)
	if _, _, err := replayed(es, "many", first); !errors.Is(err, server.ErrUnknownEventID) {
		t.Errorf("the oldest event is still there: %v", err)
	}
	for range 3 {
		store(t, es, "large", "a", strings.Repeat("x", maxEventBytesPerSession/2))
	}
	es.check(t)
	store(t, es, "too large", "a", strings.Repeat("x", maxEventBytesPerSession+1))
	es.check(t)
	for i := range 2 * maxEventBytes / maxEventBytesPerSession {
		store(t, es, fmt.Sprint("session ", i), "a", strings.Repeat("x", maxEventBytesPerSession))
	}
	es.check(t)
	if es.sessions["many"] != nil {
		t.Error("the oldest session's events are still there")
	}
}

func TestSessionsEndWhenTheyAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan string, 10)
		ss := newSessions(func(id string) { gone <- id })
		defer ss.close()
		idle, used, busy := ss.start("ann", stays), ss.start("ann", stays), ss.start("bob", stays)
		done, ok := ss.use(busy, "bob")
		if !ok {
			t.Fatal("a fresh session cannot be used")
		}
		time.Sleep(sessionIdleTTL - time.Minute)
		if end, ok := ss.use(used, "ann"); ok {
			end()
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(gone) != 1 || <-gone != idle {
			t.Fatal("not just the idle session ended")
		}
		time.Sleep(2 * sessionIdleTTL)
		synctest.Wait()
		if ss.count() != 1 {
			t.Errorf("%d sessions, want the busy one", ss.count())
		}
		done()
		time.Sleep(2 * sessionIdleTTL)
		synctest.Wait()
		if ss.count() != 0 || len(ss.owned) != 0 || ss.timer != nil {
			t.Errorf("%d sessions of %v are left, timer %v", ss.count(), ss.owned, ss.timer)
		}
	})
}

// stays is the place of a session that counts nowhere.
func stays() {}

func TestSessionsBelongToTheirPrincipal(t *testing.T) {
	ss := newSessions(func(string) {})
	defer ss.close()
	id := ss.start("ann", stays)
	if _, ok := ss.use(id, "bob"); ok {
		t.Error("a stranger may use it")
	}
	if _, ok := ss.use("nope", "ann"); ok {
		t.Error("one that never was may be used")
	}
	if !ss.end(id) || ss.end(id) {
		t.Error("a session ends once")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone []string
		ss := newSessions(func(id string) { gone = append(gone, id) })
		defer ss.close()
		busy := ss.start("ann", stays)
		done, _ := ss.use(busy, "ann")
		defer done()
		time.Sleep(time.Second)
		oldest := ss.start("ann", stays)
		for range maxSessionsPerPrincipal - 2 {
			time.Sleep(time.Millisecond)
			ss.start("ann", stays)
		}
		ss.start("bob", stays)
		if len(gone) > 0 {
			t.Fatalf("%d made room before they had to", len(gone))
		}
		ss.start("ann", stays)
		if len(gone) != 1 || gone[0] != oldest || ss.owned["ann"].Len() != maxSessionsPerPrincipal {
			t.Errorf("%v made room, want %s; %d are left", gone, oldest, ss.owned["ann"].Len())
		}
		second, third := ss.all.Front().Next().Value.(*session).id, ss.all.Front().Next().Next().Value.(*session).id // behind the busy one
		if used, ok := ss.use(second, "ann"); ok {
			used()
		}
		ss.start("ann", stays)
		if gone[1] != third {
			t.Errorf("%s made room, want %s, which was idle longest", gone[1], third)
		}
		for i := range maxSessions {
			ss.start(strconv.Itoa(i), stays)
		}
		if ss.count() != maxSessions {
			t.Errorf("%d sessions, want %d", ss.count(), maxSessions)
		}
	})
}

func TestStreamIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := httptest.NewRecorder()
		s := newStream(rec)
		s.Header().Set("Content-Type", "text/event-stream")
		s.WriteHeader(http.StatusOK)
		time.Sleep(keepAliveEvery + time.Second)
		write := func(text string) {
			if _, err := s.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		write("id: 1\n")
		time.Sleep(3 * keepAliveEvery) // no comment inside an event
		write("data: x\n\n")
		time.Sleep(2*keepAliveEvery + time.Second)
		s.close()
		time.Sleep(3 * keepAliveEvery)
		const beat = ": keep-alive\n\n"
		if got, want := rec.Body.String(), beat+"id: 1\ndata: x\n\n"+beat+beat; got != want {
			t.Errorf("wrote %q, want %q", got, want)
		}
		if rec.Header().Get("X-Accel-Buffering") != "no" {
			t.Error("proxies may hold it back")
		}
	})
}

func TestAnswerIsNotKeptAlive(t *testing.T) {
	rec := httptest.NewRecorder()
	s := newStream(rec)
	defer s.close()
	s.Header().Set("Content-Type", "application/json")
	s.WriteHeader(http.StatusOK)
	if s.timer != nil || rec.Header().Get("X-Accel-Buffering") != "" {
		t.Error("it is treated as a stream")
	}
}

func TestNullsAreDropped(t *testing.T) {
	text := &jsonschema.Schema{Type: "string"}
	anything := &jsonschema.Schema{Types: []string{"string", "object", "null"}}
	s := &jsonschema.Schema{
		Type: "object", Required: []string{"list"},
		Properties: map[string]*jsonschema.Schema{
			"text": text, "value": anything,
			"list":  {Type: "array", Items: &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{"text": text}}},
			"table": {Type: "object", AdditionalProperties: text},
		},
	}
	for _, tt := range []struct{ name, in, want string }{
		{"an optional member", `{"text":null,"list":[]}`, `{"list":[]}`},
		{"a list that must be there", `{"list":null}`, `{"list":[]}`},
		{"inside a list", `{"list":[{"text":null},{"text":"a"}]}`, `{"list":[{},{"text":"a"}]}`},
		{"inside a table", `{"list":[],"table":{"a":null,"b":"x"}}`, `{"list":[],"table":{"b":"x"}}`},
		{"a stored value stays as it is", `{"list":[],"value":{"a":null,"text":[null]}}`, `{"list":[],"value":{"a":null,"text":[null]}}`},
		{"a stored null is a value", `{"list":[],"value":null}`, `{"list":[],"value":null}`},
		{"the order stays", `{"z":1,"list":[],"text":null,"a":"null"}`, `{"z":1,"list":[],"a":"null"}`},
	} {
		if got := withoutNulls(json.RawMessage(tt.in), s); string(got) != tt.want {
			t.Errorf("%s: %s became %s, want %s", tt.name, tt.in, got, tt.want)
		}
	}
}

func FuzzForgive(f *testing.F) {
	for _, seed := range []string{`"5"`, `5.0`, `[1,"a"]`, `{"a":null}`, `"{}"`, `" [1] "`, `null`, `1e300`, `"true"`} {
		f.Add([]byte(seed))
	}
	schemas := []*jsonschema.Schema{
		{Type: "integer"}, {Type: "string"}, {Type: "boolean"}, {Type: "object"}, {Types: []string{"string", "null"}}, {},
		{Type: "array", Items: &jsonschema.Schema{Type: "string"}}, {Type: "array", Items: &jsonschema.Schema{Type: "integer"}},
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			t.Skip()
		}
		for _, s := range schemas {
			got := forgive(raw, s)
			if !json.Valid(got) {
				t.Fatalf("%s became %s, which is no JSON", raw, got)
			}
			if again := forgive(got, s); string(again) != string(got) {
				t.Errorf("%s became %s, then %s", raw, got, again)
			}
		}
	})
}
