package persistence_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/vector"
)

// torture is set for runs that take as long as they take.
var torture = os.Getenv("SYNAP_TORTURE") != ""

// often is how many times something is tried: a few in a run for every day, many when there is all the time in the world.
func often(everyDay, atLeisure int) int {
	if torture {
		return atLeisure
	}
	return everyDay
}

// world is an engine with every structure, whose data is in the directory "data" of a file system.
type world struct {
	engine *core.Engine
	store  *persistence.Store
	notes  notes
	after  func() // is called after every command; may be nil
}

// notes is what a store noted. Those who write and those who take a snapshot may do so at once.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

// open starts a world: its data is there when it returns.
func open(fs vfs.FS, o persistence.Options) (*world, error) {
	w := &world{}
	o.FS, o.Dir, o.Version = fs, "data", "test"
	o.Decode = func(structure, kind uint8, data []byte) (journal.Op, error) {
		return w.engine.DecodeOp(structure, kind, data)
	}
	o.Note = func(_ persistence.Level, message string, facts map[string]any) {
		w.notes.add(fmt.Sprint(message, facts))
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 4096
	}
	if o.Reserve == 0 {
		o.Reserve = 4096
	}
	var err error
	if w.store, err = persistence.Open(o); err != nil {
		return nil, err
	}
	w.engine, err = core.New(core.Options{Journal: w.store, Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(),
		vector.Structure(),
	}})
	if err == nil {
		err = w.store.Recover(context.Background(), w.engine)
	}
	if err != nil {
		return nil, errors.Join(err, w.store.Close())
	}
	return w, nil
}

func mustOpen(t testing.TB, fs vfs.FS, o persistence.Options) *world {
	t.Helper()
	w, err := open(fs, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Check(); err != nil {
		t.Fatal(err)
	}
	return w
}

// close ends the world as a server that is told to stop.
func (w *world) close(t testing.TB) {
	t.Helper()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) seq() uint64 { return w.store.Position().Seq }

func (w *world) noted(part string) bool {
	return strings.Contains(w.notes.String(), part)
}

func (w *world) request(name, payload string) *command.Request {
	c, err := w.engine.Dispatcher().Table().Find(name)
	if err != nil {
		panic(err)
	}
	return &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(payload)}
}

func (w *world) run(r *command.Request) (string, error) {
	v, err := w.engine.Dispatcher().Do(context.Background(), r)
	if w.after != nil {
		w.after()
	}
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}

func (w *world) try(name, payload string) (string, error) { return w.run(w.request(name, payload)) }

// do is try for what has to work.
func (w *world) do(t testing.TB, name, payload string) string {
	t.Helper()
	text, err := w.try(name, payload)
	if err != nil {
		t.Fatalf("%s %s: %v", name, payload, err)
	}
	return text
}

// play does the i-th of a sequence of changes in which every structure and another namespace take part.
func (w *world) play(i int) error {
	var err error
	switch i % 17 {
	case 0:
		_, err = w.try("kv.set", fmt.Sprintf(`{"key":"k%d","value":"value %d"}`, i%5, i))
	case 1:
		_, err = w.try("queue.publish", fmt.Sprintf(`{"queue":"jobs","message":{"n":%d},"priority":%d,"dedupe_id":"d%d"}`, i, i%10, i/28))
	case 2:
		_, err = w.try("stream.append", fmt.Sprintf(`{"room":"log","event":"e","data":%d}`, i))
	case 3:
		if i%2 == 0 { // as it comes from another server, and is not kept
			_, err = w.try("pubsub.accept", fmt.Sprintf(`{"here":"A","from":"B","messages":[{"topic":"far","message":1,"node":"B","run":"r","number":%d},
				{"topic":"far","message":2,"node":"C","run":"r","number":%d}]}`, i*1000, i))
			break
		}
		_, err = w.try("pubsub.publish", fmt.Sprintf(`{"topic":"weather.%d","message":"rain %d","retain":true}`, i%3, i))
	case 4:
		_, err = w.try("queue.receive", `{"queue":"jobs","lease":60}`)
	case 5:
		_, err = w.try("txn.exec", fmt.Sprintf(`{"do":[{"command":"kv.increment","payload":{"key":"n"}},
			{"command":"stream.append","payload":{"room":"log","event":"n","data":%d}},
			{"command":"queue.publish","payload":{"queue":"mail","message":%d}}]}`, i, i))
	case 6:
		r := w.request("kv.set", fmt.Sprintf(`{"key":"elsewhere","value":%d}`, i))
		r.Namespace = "other"
		_, err = w.run(r)
	case 7:
		_, err = w.try("kv.set", fmt.Sprintf(`{"key":"fleeting%d","value":1,"ttl":3600}`, i%3))
	case 8:
		_, err = w.try("stream.group.create", fmt.Sprintf(`{"room":"log","group":"g%d"}`, i))
	case 9:
		_, err = w.try("kv.delete", fmt.Sprintf(`{"keys":["k%d"]}`, (i+3)%5))
	case 10:
		r := w.request("kv.increment", `{"key":"once"}`)
		r.IdempotencyKey = fmt.Sprint("key ", i/28)
		_, err = w.run(r)
	case 11:
		_, err = w.settle()
	case 12:
		_, err = w.try("stream.create", fmt.Sprintf(`{"room":"parts%d","partitions":3,"max_events":10}`, i))
	case 13:
		_, err = w.try("txn.exec", `{"do":[{"command":"kv.set","payload":{"key":"old","value":"x"}},
			{"command":"kv.rename","payload":{"key":"old","to":"new"}}]}`)
	case 14:
		_, err = w.try("vector.collection.create", fmt.Sprintf(
			`{"collection":"points","dimension":3,"index":"hnsw","indexes":[{"field":"n","type":"integer"}],"if_not_exists":true,"text_fields":["t%d"]}`, i%2))
	case 15:
		_, err = w.try("txn.exec", fmt.Sprintf(`{"do":[{"command":"vector.collection.create","payload":{"collection":"points","dimension":3,"if_not_exists":true}},
			{"command":"vector.upsert","payload":{"collection":"points","ids":[%d,%d],"rows":[[%d,1,2],[3,%d,1]]}},{"command":"kv.increment","payload":{"key":"points","by":2}}]}`,
			i, i+1, i, i))
	case 16:
		_, err = w.try("txn.exec", fmt.Sprintf(`{"do":[{"command":"vector.collection.create","payload":{"collection":"points","dimension":3,"if_not_exists":true}},
			{"command":"vector.delete","payload":{"collection":"points","ids":[%d]}}]}`, i-1))
		if i%34 == 16 && err == nil {
			_, err = w.try("vector.collection.clear", `{"collection":"points"}`)
		}
	}
	return err
}

// settle receives a message and acknowledges it.
func (w *world) settle() (string, error) {
	text, err := w.try("queue.receive", `{"queue":"mail"}`)
	if err != nil {
		return "", err
	}
	var got queue.ReceiveResponse
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Messages) == 0 {
		return "", err
	}
	return w.try("queue.ack", fmt.Sprintf(`{"receipts":[%q]}`, got.Messages[0].Receipt))
}
