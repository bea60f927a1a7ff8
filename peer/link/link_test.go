package link_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/peer/link"
	"github.com/hivellm/synap-go/vector"
)

// world is servers that reach each other by a wire that breaks on demand.
type world struct {
	testing.TB
	servers map[string]*server

	mu sync.Mutex

	cut    map[[2]string]bool                 // from whom to whom
	random *rand.Rand                         // nil: nothing goes wrong by itself
	old    map[string]bool                    // servers that know nothing of packed points
	most   int                                // bytes of a request or an answer, beyond which it is too large; 0 is no bound
	silent bool                               // whoever is asked over the wire answers nothing
	rights []auth.Permission                  // of whoever comes over the wire
	refuse func(operation string) error       // what is refused at the other end; nil is nothing
	noted  []string                           // what the links of a told
	ran    func(operation string) (lost bool) // is told what ran at the other end, and says whether the answer is lost; may be nil
}

// server is an engine with its links. A restart makes both anew, from the records.
type server struct {
	world  *world
	name   string
	engine *synaptest.Recording
	links  *link.Manager
	stop   func()
}

// open starts servers of those names.
func open(t testing.TB, names ...string) *world { return openAhead(t, nil, names...) }

// openAhead is open of servers of which some have clocks that are ahead, or behind.
func openAhead(t testing.TB, ahead map[string]time.Duration, names ...string) *world {
	w := &world{TB: t, servers: map[string]*server{}, cut: map[[2]string]bool{}, old: map[string]bool{}, rights: permissions("write:*")}
	for _, name := range names {
		s := &server{world: w, name: name}
		w.servers[name] = s
		s.start(func(structures func() []*command.Structure) *synaptest.Recording {
			return synaptest.RecordAhead(t, ahead[name], structures)
		})
		t.Cleanup(func() { s.stop() })
	}
	return w
}

func permissions(texts ...string) (all []auth.Permission) {
	for _, text := range texts {
		p, err := auth.ParsePermission(text)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

// start runs a server whose engine is made by that.
func (s *server) start(made func(structures func() []*command.Structure) *synaptest.Recording) {
	s.links = link.New(link.Options{Dial: s.dial, Note: s.note, Key: func(name string) (string, error) { return "key of " + name, nil }})
	recording := made(func() []*command.Structure {
		return []*command.Structure{stream.Structure(stream.Options{}), pubsub.Structure(), vector.Federated(s.links), peer.Structure(peer.Options{Links: s.links})}
	})
	s.world.mu.Lock()
	s.engine = recording
	s.world.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var both sync.WaitGroup
	engine := recording.Engine
	both.Go(func() { _ = engine.Run(ctx) })
	both.Go(func() { _ = s.links.Run(ctx, engine.Dispatcher(), engine.Namespaces) })
	s.stop = sync.OnceFunc(func() {
		cancel()
		both.Wait()
		if err := engine.Check(); err != nil {
			s.world.Error(err)
		}
	})
}

// restart ends the server as it is, and makes it again of its records.
func (s *server) restart() {
	s.world.mu.Lock()
	before := s.engine
	s.engine = nil // whoever is connected loses the connection
	s.world.mu.Unlock()
	s.stop()
	s.start(func(structures func() []*command.Structure) *synaptest.Recording {
		return before.RecoverAs(s.world, structures)
	})
}

func (s *server) note(_ string, err error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if s.name == "a" {
		s.world.noted = append(s.world.noted, fmt.Sprint(err))
	}
}

// dial is the wire to another server, whose name is the URL's host.
func (s *server) dial(_ context.Context, p *peer.Peer, _ string) (link.Side, error) {
	name := strings.TrimPrefix(p.URL, "umicp://")
	far := &far{world: s.world, from: s.name, to: name}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	to := s.world.servers[name]
	if to == nil || to.engine == nil || s.world.cut[[2]string{s.name, name}] {
		return nil, fault.New(fault.Unavailable, "no server answers at %s", p.URL)
	}
	far.engine = to.engine
	return far, nil
}

// far is another server over the wire.
type far struct {
	world    *world
	from, to string
	engine   *synaptest.Recording // of the server when it was dialled
	lost     bool                 // guarded by the world's mu
}

func (f *far) Close() error { return nil }

// broken is whether the connection is; by chance it may be so from now on.
func (f *far) broken() error {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	if f.lost || f.world.servers[f.to].engine != f.engine || f.world.cut[[2]string{f.from, f.to}] {
		f.lost = true
		return fault.New(fault.Unavailable, "the connection was lost")
	}
	if f.world.random != nil && f.world.random.IntN(40) == 0 {
		f.lost = true
		return fault.New(fault.Unavailable, "the connection was lost, by chance")
	}
	return nil
}

func (f *far) muted() bool {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	return f.world.silent
}

// Call runs the command there. The connection may break before or after.
func (f *far) Call(ctx context.Context, operation string, args, answer any) error {
	if err := f.broken(); err != nil {
		return err
	}
	who := (&auth.Identity{Name: "far-" + f.from, Namespace: "default"}).With(f.world.rights)
	if f.world.most > 0 {
		if text, err := json.Marshal(args); err != nil || len(text) > f.world.most {
			return fault.New(fault.TooLarge, "%s has %d bytes: %v", operation, len(text), err)
		}
	}
	f.world.mu.Lock()
	refuse, ran := f.world.refuse, f.world.ran
	f.world.mu.Unlock()
	if text, _ := json.Marshal(args); f.world.old[f.to] && strings.Contains(string(text), `"made"`) {
		return fault.New(fault.Invalid, `there is no field "made"`)
	}
	if text, _ := json.Marshal(args); f.world.old[f.to] && strings.Contains(string(text), `"except"`) {
		return fault.New(fault.Invalid, `there is no field "except"`)
	}
	if refuse != nil {
		if err := refuse(operation); err != nil {
			return err
		}
	}
	text, err := play(ctx, f.engine.Engine.Dispatcher(), who, operation, args)
	if f.muted() {
		<-ctx.Done()
		return fault.From(ctx.Err())
	}
	if ran != nil && ran(operation) {
		f.world.mu.Lock()
		f.lost = true
		f.world.mu.Unlock()
	}
	if f.world.old[f.to] {
		text, err = f.aged(operation, args, text, err)
	}
	if lost := f.broken(); lost != nil {
		return lost
	}
	if err != nil {
		return err
	}
	if f.world.most > 0 && len(text) > f.world.most {
		return fault.New(fault.TooLarge, "the answer of %s has %d bytes", operation, len(text))
	}
	return json.Unmarshal(text, answer)
}

// aged is an answer as a server gives it that is older than packed points.
func (f *far) aged(operation string, args any, answer []byte, err error) ([]byte, error) {
	text, _ := json.Marshal(args)
	for _, unknown := range []string{`"packed"`, `"noted"`, `"$base64"`} {
		if strings.Contains(string(text), unknown) {
			f.world.Errorf("%s is asked by an old peer's link with %s: %s", operation, unknown, text)
		}
	}
	if operation == "peer.hello" && err == nil {
		var hello map[string]any
		if err := json.Unmarshal(answer, &hello); err != nil {
			return nil, err
		}
		delete(hello, "packed")
		return json.Marshal(hello)
	}
	return answer, err
}

// play runs a command with a request that is JSON or becomes it.
func play(ctx context.Context, x *command.Dispatcher, who *auth.Identity, operation string, args any) ([]byte, error) {
	c, err := x.Table().Find(operation)
	if err != nil {
		return nil, err
	}
	payload, given := args.(string)
	if !given {
		text, err := json.Marshal(args)
		if err != nil {
			return nil, err
		}
		payload = string(text)
	}
	r := &command.Request{Caller: who, Command: c, Payload: command.JSON(payload)}
	var v any
	if c.Kind == command.KindWatch {
		v, err = command.Collect(ctx, x, r)
	} else {
		v, err = x.Do(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// say runs a command at a server; nothing may go wrong.
func (w *world) say(name, operation, payload string) string {
	w.Helper()
	text, err := play(context.Background(), w.servers[name].engine.Engine.Dispatcher(), auth.Local(), operation, payload)
	if err != nil {
		w.Fatalf("%s: %s %s: %v", name, operation, payload, err)
	}
	return string(text)
}

// try is say for what may go wrong.
func (w *world) try(name, operation, payload string) ([]byte, error) {
	return play(context.Background(), w.servers[name].engine.Engine.Dispatcher(), auth.Local(), operation, payload)
}

// link makes a peer of one server at another.
func (w *world) link(at, to, rules string) {
	w.Helper()
	w.say(at, "peer.add", fmt.Sprintf(`{"name":%q,"url":"umicp://%s","rules":%s}`, to, to, rules))
}

// texts is what a partition of a room holds.
func (w *world) texts(name, room string, partition int) (all []string) {
	w.Helper()
	var found struct {
		Events []struct {
			Data string `json:"data"`
		} `json:"events"`
	}
	text := w.say(name, "stream.read", fmt.Sprintf(`{"room":%q,"partition":%d,"start":"earliest","limit":10000,"max_bytes":16777216}`, room, partition))
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		w.Fatal(err)
	}
	for _, e := range found.Events {
		all = append(all, e.Data)
	}
	return all
}

// peers is the peers of a server as it lists them.
func (w *world) peers(name string) map[string]peer.Line {
	w.Helper()
	var list peer.ListResponse
	if err := json.Unmarshal([]byte(w.say(name, "peer.list", `{}`)), &list); err != nil {
		w.Fatal(err)
	}
	all := map[string]peer.Line{}
	for _, l := range list.Items {
		all[l.Name] = l
	}
	return all
}

// until lets time pass until it is so.
func (w *world) until(what string, so func() bool) {
	w.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for range 1200 {
		synctest.Wait()
		if so() {
			return
		}
		<-tick.C
	}
	for name := range w.servers {
		w.Logf("%s: %s", name, w.say(name, "peer.list", `{}`))
	}
	w.Fatalf("it is never so: %s", what)
}

const everyChat = `[{"rooms":"chat.*"}]`

func TestEventsFlowAsTheRulesSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.say("a", "stream.append", `{"room":"chat.1","data":"before","event":"said","key":"k","headers":{"h":"1"}}`)
		w.say("b", "stream.append", `{"room":"news","data":"b"}`)
		w.say("a", "stream.append", `{"room":"news","data":"a"}`)
		w.say("a", "stream.append", `{"room":"only","data":"a"}`)
		w.link("a", "b", `[{"rooms":"chat.*"},{"rooms":"news","direction":"in"},{"rooms":"only","direction":"out"}]`)
		w.until("what there was has come over", func() bool {
			return len(w.texts("b", "chat.1", 0)) == 1 && len(w.texts("a", "news", 0)) == 2 && len(w.texts("b", "only", 0)) == 1
		})
		w.say("b", "stream.append", `{"room":"chat.1","data":"answer"}`)
		w.say("b", "stream.append", `{"room":"chat.2","data":"new room"}`)
		w.say("b", "stream.append", `{"room":"only","data":"b"}`)
		w.until("what is new comes over", func() bool {
			return len(w.texts("a", "chat.1", 0)) == 2 && len(w.texts("a", "chat.2", 0)) == 1
		})
		if got := w.texts("b", "news", 0); len(got) != 1 {
			t.Errorf("news of a went to b: %q", got)
		}
		if got := w.texts("a", "only", 0); len(got) != 1 {
			t.Errorf("only's of b went to a: %q", got)
		}
		var read struct{ Events []map[string]any }
		if err := json.Unmarshal([]byte(w.say("b", "stream.read", `{"room":"chat.1","start":"earliest","limit":1}`)), &read); err != nil {
			t.Fatal(err)
		}
		e := read.Events[0]
		headers, _ := e["headers"].(map[string]any)
		if e["event"] != "said" || e["key"] != "k" || headers["h"] != "1" || headers["synap.by"] != "local" || headers["synap.at"] == "" {
			t.Errorf("it arrives as %v", e)
		}
		line := w.peers("a")["b"]
		if line.State != peer.Connected || line.In != 3 || line.Out != 2 || line.Lost != 0 || line.Behind != 0 || line.LastError != "" {
			t.Errorf("the link is %+v", line.Status)
		}
	})
}

func TestPartitionsStayTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.say("a", "stream.create", `{"room":"chat.p","partitions":3}`)
		for i := range 12 {
			w.say("a", "stream.append", fmt.Sprintf(`{"room":"chat.p","data":"%d","partition":%d}`, i, i%3))
		}
		w.say("b", "stream.create", `{"room":"chat.odd","partitions":2}`)
		w.say("a", "stream.append", `{"room":"chat.odd","data":"x"}`)
		w.link("a", "b", `[{"rooms":"chat.*","direction":"out"}]`)
		w.until("all is there", func() bool {
			n := 0
			for p := range 3 {
				n += len(w.texts("b", "chat.p", p))
			}
			return n == 12
		})
		for p := range 3 {
			if got, want := w.texts("b", "chat.p", p), w.texts("a", "chat.p", p); !slices.Equal(got, want) {
				t.Errorf("partition %d has %q, want %q", p, got, want)
			}
		}
		w.until("it is said that the other cannot", func() bool {
			return strings.Contains(w.peers("a")["b"].LastError, "chat.odd, partition 0: it has 1 partitions where it is read and 2")
		})
	})
}

// TestWhatIsNewIsNoticedAtOnce makes rooms and collections at either end: without that any time has passed what is in the first is at the
// other, and of those that follow within a moment. A server that cannot tell is asked as before.
func TestWhatIsNewIsNoticedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b", "old")
		w.old["old"] = true
		for _, name := range []string{"b", "old"} {
			w.link("a", name, `[{"rooms":"chat.*"},{"rooms":"exactly"},{"collections":"docs*"}]`)
		}
		w.until("they are linked", func() bool {
			return w.peers("a")["b"].State == peer.Connected && w.peers("a")["old"].State == peer.Connected
		})
		texts := func(name, room string) int {
			if _, err := w.try(name, "stream.stats", fmt.Sprintf(`{"room":%q}`, room)); err != nil {
				return 0
			}
			return len(w.texts(name, room, 0))
		}
		<-time.After(time.Minute)
		at := time.Now()
		w.say("a", "stream.append", `{"room":"chat.1","data":"x"}`)
		synctest.Wait()
		if n, passed := texts("b", "chat.1"), time.Since(at); n != 1 || passed != 0 {
			t.Errorf("after %v b has %d events", passed, n)
		}
		<-time.After(time.Minute)
		for i, step := range []struct{ at, operation, payload string }{
			{"b", "stream.append", `{"room":"exactly","data":"x"}`}, {"b", "stream.create", `{"room":"chat.2","partitions":1}`},
			{"b", "stream.append", `{"room":"chat.3","data":"x"}`}, {"a", "vector.collection.create", `{"collection":"docs1","dimension":1}`},
		} {
			w.say(step.at, step.operation, step.payload)
			if i%2 == 0 {
				<-time.After(10 * time.Millisecond)
			}
		}
		<-time.After(100 * time.Millisecond)
		synctest.Wait()
		for _, room := range []string{"exactly", "chat.3"} {
			if texts("a", room) != 1 {
				t.Errorf("a has not %s", room)
			}
		}
		if _, err := w.try("b", "vector.collection.stats", `{"collection":"docs1"}`); err != nil {
			t.Error(err)
		}
		<-time.After(3 * time.Second)
		synctest.Wait()
		if texts("old", "chat.1") != 1 || texts("old", "chat.3") != 1 {
			t.Error("the older server has not heard of what is new")
		}
		w.say("a", "stream.delete", `{"room":"chat.1"}`)
		w.say("a", "stream.append", `{"room":"chat.1","data":"anew"}`)
		<-time.After(time.Second)
		if n := texts("b", "chat.1"); n != 2 {
			t.Errorf("b has %d events of a room that was made anew at once", n)
		}
		for _, name := range []string{"b", "old"} {
			if line := w.peers("a")[name]; line.LastError != "" {
				t.Errorf("the link to %s says %s", name, line.LastError)
			}
		}
	})
}

func TestARoomThatIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("b", "a", everyChat)
		for round := range 3 {
			for i := range 3 {
				w.say("a", "stream.append", fmt.Sprintf(`{"room":"chat.1","data":"%d.%d"}`, round, i))
			}
			w.until("the round is there", func() bool { return len(w.texts("b", "chat.1", 0)) == 3*(round+1) })
			w.say("a", "stream.delete", `{"room":"chat.1"}`)
		}
	})
}

func TestWhatARoomLetGoOfIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("b", "a", everyChat)
		w.say("a", "stream.append", `{"room":"chat.1","data":"first"}`)
		w.until("the first is there", func() bool { return len(w.texts("b", "chat.1", 0)) == 1 })
		w.say("b", "peer.update", `{"name":"a","paused":true}`)
		w.until("the link has ended", func() bool { return w.peers("b")["a"].State == peer.Paused })
		for i := range 10 {
			w.say("a", "stream.append", fmt.Sprintf(`{"room":"chat.1","data":"%d"}`, i))
		}
		w.say("a", "stream.trim", `{"room":"chat.1","keep":4}`)
		w.say("b", "peer.update", `{"name":"a","paused":false}`)
		w.until("the rest is there", func() bool { return len(w.texts("b", "chat.1", 0)) == 5 })
		w.until("the gap is told", func() bool { return w.peers("b")["a"].Lost == 6 })
	})
}

// TestLagInTime is how far behind a link is: nothing while all is passed on, and the time without a connection while it may be.
func TestLagInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.link("b", "a", `[{"rooms":"chat.*"},{"collections":"docs*"},{"topics":"#"}]`)
		w.link("a", "b", `[]`)
		lag := func() time.Duration { return time.Duration(w.peers("b")["a"].LagMS) * time.Millisecond }
		add := func() {
			w.say("a", "stream.append", `{"room":"chat.1","data":"x"}`)
			w.say("a", "pubsub.publish", `{"topic":"t","message":"x"}`)
		}
		add()
		w.until("all is passed on", func() bool { return len(w.texts("b", "chat.1", 0)) == 1 && lag() == 0 })
		<-time.After(time.Minute)
		if lag() != 0 {
			t.Errorf("nothing waits, and it is behind by %v", lag())
		}
		w.mu.Lock()
		w.cut[[2]string{"b", "a"}] = true
		w.mu.Unlock()
		w.until("the cut is noticed", func() bool { return w.peers("b")["a"].State != peer.Connected })
		add()
		<-time.After(time.Hour)
		if got := lag(); got < time.Hour || got > time.Hour+time.Minute {
			t.Errorf("after an hour it is behind by %v", got)
		}
		w.mu.Lock()
		clear(w.cut)
		w.mu.Unlock()
		w.until("all is passed on again", func() bool { return len(w.texts("b", "chat.1", 0)) == 2 && lag() == 0 })
		if got := w.peers("a")["b"].LagMS; got != 0 {
			t.Errorf("a link without rules is behind by %d", got)
		}
	})
}

// TestASilentPeerIsTakenForGone has a peer answer nothing any more, without that the connection breaks: it is noticed 15 seconds after
// it was heard of last, whatever is waited for there, and nothing is wrong while it is only that nothing happens.
func TestASilentPeerIsTakenForGone(t *testing.T) {
	for _, rules := range []string{`[]`, `[{"rooms":"chat.*"},{"topics":"#"}]`} {
		synctest.Test(t, func(t *testing.T) {
			w := open(t, "a", "b")
			w.say("a", "stream.append", `{"room":"chat.1","data":"x"}`)
			w.link("b", "a", rules)
			w.until("they are linked", func() bool { return w.peers("b")["a"].State == peer.Connected })
			<-time.After(time.Hour)
			if line := w.peers("b")["a"]; line.Attempts != 1 || line.State != peer.Connected {
				t.Fatalf("after an hour in which nothing happened the link is %+v", line.Status)
			}
			silence := func(is bool) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.silent = is
			}
			silence(true)
			began := time.Now()
			for w.peers("b")["a"].State == peer.Connected {
				<-time.After(100 * time.Millisecond)
				synctest.Wait()
			}
			if took := time.Since(began); took > 15*time.Second+200*time.Millisecond || took < 10*time.Second {
				t.Errorf("it is noticed after %v", took)
			}
			silence(false)
			w.until("they are linked again", func() bool { return w.peers("b")["a"].State == peer.Connected })
		})
	}
}

// TestManyErrorsFillNoLog has thirty rooms that do not flow, each for a reason of its own, which is found again and again.
func TestManyErrorsFillNoLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		for n := range 30 {
			w.say("a", "stream.create", fmt.Sprintf(`{"room":"chat.%d"}`, n))
			w.say("b", "stream.create", fmt.Sprintf(`{"room":"chat.%d","partitions":2}`, n))
		}
		w.link("a", "b", everyChat)
		told := func() int {
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.noted)
		}
		<-time.After(5 * time.Minute)
		first := told()
		if first < 2 || first > 21 { // that it is up, and at most twenty
			t.Errorf("%d lines in five minutes: %q", first, w.noted)
		}
		<-time.After(10 * time.Minute)
		if n := told(); n <= first || n > 41 {
			t.Errorf("%d lines in 15 minutes", n)
		}
		if got := w.peers("a")["b"].LastError; !strings.Contains(got, "they must be as many") {
			t.Errorf("the last error is %q", got)
		}
	})
}

// TestAConnectionThatBreaksAtOnce is tried again later and later, as one that does not come about.
func TestAConnectionThatBreaksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.mu.Lock()
		w.ran = func(operation string) bool { return operation == "server.watch" }
		w.mu.Unlock()
		w.link("a", "b", everyChat)
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if n := w.peers("a")["b"].Attempts; n < 8 || n > 40 {
			t.Errorf("%d attempts in five minutes", n)
		}
		w.mu.Lock()
		w.ran = nil
		w.mu.Unlock()
		w.say("b", "stream.append", `{"room":"chat.1","data":"x"}`)
		w.until("it works", func() bool { return w.peers("a")["b"].In == 1 })
	})
}

func TestRemovedAndAddedAgainNothingComesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		for i := range 3 {
			w.link("b", "a", everyChat)
			w.say("a", "stream.append", fmt.Sprintf(`{"room":"chat.1","data":"%d"}`, i))
			w.until("it is there", func() bool { return len(w.texts("b", "chat.1", 0)) == i+1 })
			w.say("b", "peer.remove", `{"name":"a"}`)
			w.servers["b"].restart()
		}
	})
}

func TestAPeerThatIsThisServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a")
		w.say("a", "peer.add", `{"name":"me","url":"umicp://a","rules":[{"rooms":"*"}]}`)
		w.until("it is refused", func() bool { return strings.Contains(w.peers("a")["me"].LastError, "this namespace itself") })
	})
}

// TestRightsAtThePeer gives whoever comes too few rights: nothing flows, and the link says why.
func TestRightsAtThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b")
		w.rights = permissions("read:stream:chat.*", "write:peer", "read:server")
		w.say("a", "stream.append", `{"room":"chat.1","data":"a"}`)
		w.say("b", "stream.append", `{"room":"chat.1","data":"b"}`)
		w.link("a", "b", everyChat)
		w.until("what may flow does, and it is said what may not", func() bool {
			return len(w.texts("a", "chat.1", 0)) == 2 && strings.Contains(w.peers("a")["b"].LastError, `may not write stream "chat.1"`)
		})
		if got := w.texts("b", "chat.1", 0); len(got) != 1 {
			t.Errorf("b has %q", got)
		}
	})
}

func TestOriginsCannotBeForged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a")
		writer := (&auth.Identity{Name: "w", Namespace: "default"}).With(permissions("write:stream"))
		for _, payload := range []string{
			`{"room":"chat.1","data":"x","headers":{"synap.origin":"x:1:9"}}`,
			`{"room":"chat.1","events":[{"data":"x"},{"data":"x","headers":{"synap.at":"5"}}]}`,
		} {
			_, err := play(t.Context(), w.servers["a"].engine.Engine.Dispatcher(), writer, "stream.append", payload)
			if fault.CodeOf(err) != fault.Denied {
				t.Errorf("%s: %v", payload, err)
			}
		}
	})
}

// TestASearchOverLinks searches at two peers, one of which then goes away.
func TestASearchOverLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, "a", "b", "c")
		for i, name := range []string{"a", "b", "c"} {
			w.say(name, "vector.collection.create", `{"collection":"docs","dimension":2,"metric":"euclidean"}`)
			w.say(name, "vector.upsert", fmt.Sprintf(`{"collection":"docs","id":%q,"vector":[%d,0.5],"payload":{"at":%q}}`, name, i, name))
		}
		w.link("a", "b", `[]`)
		w.link("a", "c", `[]`)
		w.until("both are connected", func() bool {
			peers := w.peers("a")
			return peers["b"].State == peer.Connected && peers["c"].State == peer.Connected
		})
		search := func() (ids []string, resp vector.SearchResponse) {
			text := w.say("a", "vector.search", `{"collection":"docs","vector":[2,0.5],"peers":["*"]}`)
			if err := json.Unmarshal([]byte(text), &resp); err != nil {
				t.Fatal(err)
			}
			for _, h := range resp.Hits {
				ids = append(ids, h.ID.String()+"@"+h.Peer)
			}
			return ids, resp
		}
		if ids, resp := search(); !slices.Equal(ids, []string{"c@c", "b@b", "a@"}) || resp.Partial || string(resp.Hits[0].Payload) != `{"at":"c"}` {
			t.Errorf("all hold %q: %+v", ids, resp)
		}
		w.servers["c"].restart()
		w.mu.Lock()
		w.cut[[2]string{"a", "c"}] = true
		w.mu.Unlock()
		if ids, resp := search(); !slices.Equal(ids, []string{"b@b", "a@"}) || !resp.Partial || resp.Peers[1].Code != "unavailable" {
			t.Errorf("without c they hold %q: %+v", ids, resp)
		}
	})
}

// TestTriangle has three servers in a ring, all rules both ways, whose wires break and which restart; in the end each has
// what any of them was told, once, and in the order of each.
func TestTriangle(t *testing.T) { eachRing(t, triangle) }

// eachRing plays a test's histories, each in a time of its own.
func eachRing(t *testing.T, history func(t *testing.T, seed uint64)) {
	for seed := range rings() {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { history(t, seed) })
		})
	}
}

// rings is how many histories a test has. SYNAP_TORTURE makes it last.
func rings() uint64 {
	if os.Getenv("SYNAP_TORTURE") != "" {
		return 500
	}
	return 5
}

// disturb takes so many steps at one of the servers a, b and c each: it restarts, a wire is cut or mended, time passes, or it does
// something. Then nothing is disturbed any more.
func (w *world) disturb(random *rand.Rand, steps int, do func(name string, n int)) {
	names := []string{"a", "b", "c"}
	for n := range steps {
		name := names[random.IntN(3)]
		switch random.IntN(14) {
		case 0:
			w.servers[name].restart()
		case 1, 2:
			other := names[random.IntN(3)]
			w.mu.Lock()
			w.cut[[2]string{name, other}] = !w.cut[[2]string{name, other}]
			w.mu.Unlock()
		case 3, 4, 5:
			<-time.After(time.Duration(random.IntN(3000)) * time.Millisecond)
		default:
			do(name, n)
		}
	}
	w.mu.Lock()
	clear(w.cut)
	w.random = nil
	w.mu.Unlock()
}

// clocks are those of a history's servers: in every other one they are up to 50 minutes apart.
func clocks(seed uint64) map[string]time.Duration {
	if seed%2 == 0 {
		return nil
	}
	return map[string]time.Duration{"a": 25 * time.Minute, "b": -25 * time.Minute}
}

func triangle(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	names := []string{"a", "b", "c"}
	w := openAhead(t, clocks(seed), names...)
	w.random = rand.New(rand.NewPCG(seed, 2))
	for i, name := range names {
		w.link(name, names[(i+1)%3], everyChat)
	}
	rooms := []string{"chat.1", "chat.2"}
	said := map[string][]string{} // by room
	w.disturb(random, 150, func(name string, n int) {
		room := rooms[random.IntN(2)]
		text := fmt.Sprintf("%s%d", name, n)
		w.say(name, "stream.append", fmt.Sprintf(`{"room":%q,"data":%q}`, room, text))
		said[room] = append(said[room], text)
	})
	for _, room := range rooms {
		want := slices.Sorted(slices.Values(said[room]))
		for _, name := range names {
			w.until(fmt.Sprintf("%s has all of %s", name, room), func() bool { return len(w.texts(name, room, 0)) >= len(want) })
		}
	}
	<-time.After(time.Minute) // what comes twice would come now
	synctest.Wait()
	for _, room := range rooms {
		want := slices.Sorted(slices.Values(said[room]))
		for _, name := range names {
			got := w.texts(name, room, 0)
			if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, want) {
				t.Errorf("%s: %s holds %q, want %q", name, room, sorted, want)
			}
			for _, from := range names {
				of := func(all []string) []string {
					return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s[:1] != from })
				}
				if got, want := of(got), of(said[room]); !slices.Equal(got, want) {
					t.Errorf("%s: what %s said in %s is %q, want %q", name, from, room, got, want)
				}
			}
		}
	}
}
