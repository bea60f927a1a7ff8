package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/auth/directory"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/synaptest"
)

func structures() []*command.Structure {
	return []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), pubsub.Structure(),
		directory.Structure(directory.Options{Structures: []string{"kv", "queue", "pubsub"}, Profiles: []string{"core", "kv"}}),
	}
}

// world is an engine that asks who calls.
type world struct {
	t      testing.TB
	engine *core.Engine
	who    *directory.Directory
}

// open returns an engine that runs until the test ends; in a synctest bubble, until stop is called.
func open(t testing.TB) (w *world, stop func()) {
	t.Helper()
	engine, err := core.New(core.Options{Structures: structures()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	w = &world{t: t, engine: engine, who: directoryOf(engine)}
	return w, func() {
		if err := engine.Check(); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
	}
}

func directoryOf(e *core.Engine) *directory.Directory {
	for _, state := range e.Namespaces()[0].States {
		if d, ok := state.(*directory.Directory); ok {
			return d
		}
	}
	return nil
}

// do runs a command.
func (w *world) do(caller *auth.Identity, name, payload string) (map[string]any, error) {
	w.t.Helper()
	c, err := w.engine.Dispatcher().Table().Find(name)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &command.Request{Caller: caller, Command: c, Payload: command.JSON(payload)}
	var v any
	if c.Kind == command.KindWatch {
		v, err = command.Collect(context.Background(), w.engine.Dispatcher(), r)
	} else {
		v, err = w.engine.Dispatcher().Do(context.Background(), r)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	var fields map[string]any
	return fields, errors.Join(err, json.Unmarshal(text, &fields))
}

// must is do for what has to work, as the administrator.
func (w *world) must(name, payload string) map[string]any {
	w.t.Helper()
	got, err := w.do(auth.Local(), name, payload)
	if err != nil {
		w.t.Fatalf("%s %s: %v", name, payload, err)
	}
	return got
}

// key makes a key and returns its secret.
func (w *world) key(payload string) string {
	w.t.Helper()
	return w.must("auth.key.create", payload)["secret"].(string)
}

// enter shows a key.
func (w *world) enter(key string) (*auth.Identity, error) {
	return w.who.Authenticate(context.Background(), &auth.Credential{Key: key, From: "10.1.2.3:4"})
}

// caller is who has a fresh key with these rights.
func (w *world) caller(payload string) *auth.Identity {
	w.t.Helper()
	id, err := w.enter(w.key(payload))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// wants fails unless the error has the code; 0 is none.
func wants(t testing.TB, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

func TestKeys(t *testing.T) {
	w, stop := open(t)
	defer stop()
	secret := w.key(`{"name":"worker","roles":["kv-reader"],"permissions":["write:queue:jobs"],"home":"lab"}`)
	id, err := w.enter(secret)
	if err != nil || id.Name != "worker" || id.Namespace != "lab" || id.Key == "" || !strings.Contains(secret, "_"+id.Key+"_") || id.Everywhere(auth.Read) {
		t.Fatalf("the key is %+v, %v", id, err)
	}
	if _, err := id.Select("other"); fault.CodeOf(err) != fault.Denied {
		t.Errorf("it may use another namespace: %v", err)
	}
	for i := range secret { // every letter matters
		b := []byte(secret)
		b[i] = map[bool]byte{true: 'b', false: 'a'}[b[i] == 'a']
		if _, err := w.who.Authenticate(context.Background(), &auth.Credential{Key: string(b), From: fmt.Sprintf("10.9.%d.1:1", i)}); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("with letter %d changed: %v", i, err)
		}
	}
	for _, wrong := range []string{"sk_", secret[:len(secret)-1], secret + "a", auth.NewSecret(id.Key), auth.NewSecret(auth.NewID())} {
		_, err := w.enter(wrong)
		wants(t, wrong, err, fault.Unauthenticated)
	}
	_, err = w.who.Authenticate(context.Background(), &auth.Credential{})
	wants(t, "nothing", err, fault.Unauthenticated)
	if _, err := w.who.Authenticate(context.Background(), &auth.Credential{Certificate: "worker"}); err != nil {
		t.Errorf("a certificate of that name: %v", err)
	}
	_, err = w.who.Authenticate(context.Background(), &auth.Credential{Certificate: "nobody"})
	wants(t, "a certificate of nobody", err, fault.Unauthenticated)
	w.must("auth.key.revoke", `{"key":"worker"}`)
	_, err = w.enter(secret)
	wants(t, "a revoked key", err, fault.Unauthenticated)
	_, err = w.do(id, "kv.get", `{"key":"a"}`)
	wants(t, "what goes on with a revoked key", err, fault.Unauthenticated)
}

// TestProfilesOfKeys: a key is for a profile that there is, or for any.
func TestProfilesOfKeys(t *testing.T) {
	w, stop := open(t)
	defer stop()
	id, err := w.enter(w.key(`{"name":"worker","profile":"kv"}`))
	if err != nil || id.Profile != "kv" {
		t.Fatalf("the key is %+v, %v", id, err)
	}
	for command, payload := range map[string]string{"auth.key.create": `{"name":"other","profile":"nope"}`, "auth.key.update": `{"key":"worker","profile":"nope"}`} {
		_, err := w.do(auth.Local(), command, payload)
		wants(t, command, err, fault.Invalid)
		if want := `there is no profile "nope"; the profiles are core, kv`; !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v, want %s", command, err, want)
		}
	}
	if id, err := w.enter(w.key(`{"name":"other"}`)); err != nil || id.Profile != "" {
		t.Errorf("the key is %+v, %v", id, err)
	}
	for _, profile := range []string{"core", ""} {
		w.must("auth.key.update", `{"key":"worker","profile":"`+profile+`"}`)
	}
}

func TestNetworks(t *testing.T) {
	w, stop := open(t)
	defer stop()
	secret := w.key(`{"networks":["10.1.0.0/16","2001:db8::/32","192.0.2.7"]}`)
	for from, allowed := range map[string]bool{
		"10.1.2.3:4": true, "10.2.2.3:4": false, "[::ffff:10.1.2.3]:4": true, "[2001:db8::9]:4": true, "[2001:db9::9]:4": false,
		"192.0.2.7:1": true, "192.0.2.8:1": false, "": false, "@": false,
	} {
		_, err := w.who.Authenticate(context.Background(), &auth.Credential{Key: secret, From: from})
		if (err == nil) != allowed {
			t.Errorf("from %q: %v", from, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	w, stop := open(t)
	defer stop()
	w.must("auth.user.create", `{"name":"ada","password":"correct horse","roles":["reader"]}`)
	enter := func(user, password, from string) (*auth.Identity, error) {
		return w.who.Authenticate(context.Background(), &auth.Credential{User: user, Password: password, From: from})
	}
	for range 2 { // the second time from memory
		if id, err := enter("ada", "correct horse", "10.0.0.1:1"); err != nil || id.Name != "ada" || !id.Everywhere(auth.Read) {
			t.Fatalf("ada is %+v, %v", id, err)
		}
	}
	_, err := enter("ada", "wrong horse", "10.0.0.1:1")
	wants(t, "a wrong password", err, fault.Unauthenticated)
	_, err = enter("bob", "correct horse", "10.0.0.1:1")
	wants(t, "a wrong user", err, fault.Unauthenticated)
	id, _ := enter("ada", "correct horse", "10.0.0.1:1")
	w.must("auth.user.update", `{"name":"ada","password":"battery staple"}`)
	_, err = enter("ada", "correct horse", "10.0.0.1:1")
	wants(t, "the old password", err, fault.Unauthenticated)
	_, err = id.Now()
	wants(t, "who came in with it", err, fault.Unauthenticated)
	w.must("auth.user.update", `{"name":"ada","disabled":true}`)
	_, err = enter("ada", "battery staple", "10.0.0.1:1")
	wants(t, "a disabled user", err, fault.Unauthenticated)
	w.must("auth.user.update", `{"name":"ada","disabled":false,"roles":[]}`)
	if id, err := enter("ada", "battery staple", "10.0.0.1:1"); err != nil || id.Everywhere(auth.Read) {
		t.Errorf("an enabled user without its role: %+v, %v", id, err)
	}
}

// TestAttemptsAreLimited guesses keys until the address is refused; a right key goes in all the same, and a password does not.
func TestAttemptsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := open(t)
		defer stop()
		secret := w.key(`{}`)
		w.must("auth.user.create", `{"name":"ada","password":"correct horse"}`)
		var err error
		for range 31 {
			_, err = w.enter(auth.NewSecret(auth.NewID()))
		}
		wants(t, "too many", err, fault.Exhausted)
		if wait, ok := fault.From(err).Details["retry_after_ms"].(int64); !ok || wait <= 0 || wait > 60_000 {
			t.Errorf("it does not say when to come again: %v", fault.From(err).Details)
		}
		if _, err := w.enter(secret); err != nil {
			t.Errorf("a right key: %v", err)
		}
		person := &auth.Credential{User: "ada", Password: "correct horse", From: "10.1.2.3:9"}
		_, err = w.who.Authenticate(context.Background(), person)
		wants(t, "a password", err, fault.Exhausted)
		time.Sleep(time.Minute)
		if _, err = w.who.Authenticate(context.Background(), person); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestExpiryAndRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := open(t)
		defer stop()
		short := w.key(`{"name":"short","ttl":60}`)
		old := w.key(`{"name":"worker"}`)
		ids := map[string]*auth.Identity{}
		for _, key := range []string{short, old} {
			ids[key], _ = w.enter(key)
		}
		fresh := w.must("auth.key.rotate", `{"key":"worker","overlap":120}`)["secret"].(string)
		for _, key := range []string{old, fresh} {
			if _, err := w.enter(key); err != nil {
				t.Errorf("during the overlap: %v", err)
			}
		}
		time.Sleep(61 * time.Second)
		_, err := w.enter(short)
		wants(t, "an expired key", err, fault.Unauthenticated)
		_, err = ids[short].Now()
		wants(t, "who came in with it", err, fault.Unauthenticated)
		if items := w.must("auth.key.list", `{"prefix":"short"}`)["items"].([]any); len(items) != 1 || items[0].(map[string]any)["expired"] != true {
			t.Errorf("it is listed as %v", items)
		}
		if _, err := ids[old].Now(); err != nil {
			t.Errorf("before the overlap ends: %v", err)
		}
		time.Sleep(60 * time.Second)
		_, err = w.enter(old)
		wants(t, "the old secret", err, fault.Unauthenticated)
		_, err = ids[old].Now()
		wants(t, "who came in with it", err, fault.Unauthenticated)
		now, err := w.enter(fresh)
		if err != nil {
			t.Fatalf("the new secret: %v", err)
		}
		w.must("auth.key.rotate", `{"key":"worker","overlap":0}`)
		_, err = now.Now()
		wants(t, "a secret that was replaced at once", err, fault.Unauthenticated)
	})
}

// TestLastUse is written down now and then, and survives.
func TestLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := open(t)
		defer stop()
		secret := w.key(`{"name":"worker"}`)
		used := func() any {
			return w.must("auth.key.list", `{}`)["items"].([]any)[0].(map[string]any)["last_used_at"]
		}
		if used() != nil {
			t.Errorf("it was used at %v", used())
		}
		time.Sleep(time.Second)
		before := w.must("server.status", `{}`)["position"]
		if _, err := w.enter(secret); err != nil || used() == nil {
			t.Errorf("it was never used, %v", err)
		}
		if after := w.must("server.status", `{}`)["position"]; after != before {
			t.Error("a use is a record of its own")
		}
		first := used()
		for range 3 { // it is known to the second, however often it is used
			time.Sleep(300 * time.Millisecond)
			if _, err := w.enter(secret); err != nil || used() != first {
				t.Errorf("it was used at %v, and then at %v, %v", first, used(), err)
			}
		}
		time.Sleep(200 * time.Millisecond)
		if _, err := w.enter(secret); err != nil || used() == first {
			t.Errorf("a use more than a second later is not known: %v, %v", used(), err)
		}
		time.Sleep(2 * time.Minute)
		if after := w.must("server.status", `{}`)["position"]; after == before {
			t.Error("uses are never written down")
		}
	})
}

func TestTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := open(t)
		defer stop()
		caller := w.caller(`{"name":"page","roles":["reader"]}`)
		get := func() string {
			got, err := w.do(caller, "auth.ticket", `{}`)
			if err != nil {
				t.Fatal(err)
			}
			return got["ticket"].(string)
		}
		use := func(ticket string) (*auth.Identity, error) {
			return w.who.Authenticate(context.Background(), &auth.Credential{Ticket: ticket})
		}
		ticket := get()
		if id, err := use(ticket); err != nil || id.Name != "page" {
			t.Errorf("a ticket is %+v, %v", id, err)
		}
		_, err := use(ticket)
		wants(t, "a second time", err, fault.Unauthenticated)
		late := get()
		time.Sleep(31 * time.Second)
		_, err = use(late)
		wants(t, "too late", err, fault.Unauthenticated)
		of := get()
		w.must("auth.key.revoke", `{"key":"page"}`)
		_, err = use(of)
		wants(t, "of a revoked key", err, fault.Unauthenticated)
	})
}

// TestNobodyGivesWhatTheyDoNotHave has one who may administer keys try to become more.
// TestNobodyTakesAllTickets: who takes as many as there may be leaves some to others.
func TestNobodyTakesAllTickets(t *testing.T) {
	w, stop := open(t)
	defer stop()
	greedy, modest := w.caller(`{"name":"greedy"}`), w.caller(`{"name":"modest"}`)
	taken := 0
	for ; taken < 20_000; taken++ {
		if _, err := w.do(greedy, "auth.ticket", `{}`); err != nil {
			wants(t, "one too many", err, fault.Exhausted)
			break
		}
	}
	got, err := w.do(modest, "auth.ticket", `{}`)
	if err != nil || taken != 1000 {
		t.Fatalf("after %d another caller gets none: %v", taken, err)
	}
	if _, err := w.who.Authenticate(context.Background(), &auth.Credential{Ticket: got["ticket"].(string)}); err != nil {
		t.Errorf("its ticket: %v", err)
	}
}

func TestNobodyGivesWhatTheyDoNotHave(t *testing.T) {
	w, stop := open(t)
	defer stop()
	w.key(`{"name":"root","roles":["admin"]}`)
	w.must("auth.user.create", `{"name":"boss","password":"correct horse","roles":["admin"]}`)
	w.must("auth.role.create", `{"name":"strong","permissions":["write:kv"]}`)
	w.must("auth.role.create", `{"name":"weak","permissions":["read:kv:team:*"]}`)
	clerk := w.caller(`{"name":"clerk","permissions":["admin:auth","read:kv:team:*"]}`)
	for _, c := range []struct {
		name, command, payload string
		code                   fault.Code
	}{
		{"what it has", "auth.key.create", `{"permissions":["read:kv:team:a"]}`, 0},
		{"a role of what it has", "auth.key.create", `{"roles":["weak"]}`, 0},
		{"what overlaps", "auth.key.create", `{"permissions":["read:kv:t*"]}`, fault.Denied},
		{"more of the same", "auth.key.create", `{"permissions":["write:kv:team:a"]}`, fault.Denied},
		{"everything", "auth.key.create", `{"permissions":["admin:*"]}`, fault.Denied},
		{"a role of everything", "auth.key.create", `{"roles":["admin"]}`, fault.Denied},
		{"another namespace", "auth.key.create", `{"home":"elsewhere"}`, fault.Denied},
		{"every namespace", "auth.key.create", `{"namespaces":["*"]}`, fault.Denied},
		{"somebody's new secret", "auth.key.rotate", `{"key":"root"}`, fault.Denied},
		{"the end of somebody", "auth.key.revoke", `{"key":"root"}`, fault.Denied},
		{"somebody's password", "auth.user.update", `{"name":"boss","password":"battery staple"}`, fault.Denied},
		{"the end of a person", "auth.user.delete", `{"name":"boss"}`, fault.Denied},
		{"a user like it", "auth.user.create", `{"name":"new","password":"correct horse","permissions":["write:kv"]}`, fault.Denied},
		{"a role", "auth.role.create", `{"name":"mine","permissions":["write:kv"]}`, fault.Denied},
		{"a stronger role of its own", "auth.role.grant", `{"name":"weak","permissions":["write:kv"]}`, fault.Denied},
		{"a stronger role of others", "auth.role.revoke", `{"name":"strong","permissions":["write:kv"]}`, fault.Denied},
	} {
		_, err := w.do(clerk, c.command, c.payload)
		wants(t, c.name, err, c.code)
	}
	// Only who may administer auth may do any of it.
	_, err := w.do(w.caller(`{"roles":["writer","kv-admin","queue-admin"]}`), "auth.key.create", `{}`)
	wants(t, "a writer", err, fault.Denied)
	_, err = w.do(w.caller(`{"roles":["reader","monitor"]}`), "auth.key.list", `{}`)
	wants(t, "a reader", err, fault.Denied)
}

// TestSecretsTakeNoIdempotencyKey wants nothing kept that could be told again.
func TestSecretsTakeNoIdempotencyKey(t *testing.T) {
	w, stop := open(t)
	defer stop()
	for _, c := range w.engine.Dispatcher().Table().Commands() {
		if !c.Secret {
			continue
		}
		err := w.engine.Dispatcher().Check(&command.Request{Caller: auth.Local(), Command: c, IdempotencyKey: "x"})
		wants(t, c.Name, err, fault.Invalid)
	}
}

// counting is a sink that tells of each event.
type counting struct {
	there  chan struct{} // closed when the watch is in place
	events chan any
	placed bool
}

func (c *counting) Event(_ journal.Position, event any) error { c.events <- event; return nil }

func (c *counting) Flush(journal.Position) error {
	if !c.placed {
		c.placed = true
		close(c.there)
	}
	return nil
}

// TestWhatGoesOnEnds revokes, expires, and takes rights away while something goes on: it ends at once, with why.
func TestWhatGoesOnEnds(t *testing.T) {
	for _, c := range []struct {
		name, key, command, payload string
		then                        func(w *world)
		code                        fault.Code // 0: it goes on
	}{
		{"a watch of a revoked key", `{"name":"x","roles":["reader"]}`, "kv.watch", `{"prefixes":["a"]}`, func(w *world) { w.must("auth.key.revoke", `{"key":"x"}`) }, fault.Unauthenticated},
		{"a watch of an expiring key", `{"name":"x","roles":["reader"],"ttl":1}`, "kv.watch", `{"keys":["a"]}`, func(*world) { time.Sleep(1100 * time.Millisecond) }, fault.Unauthenticated},
		{"a watch that its role no longer allows", `{"name":"x","roles":["custom"]}`, "kv.watch", `{"prefixes":["a"]}`,
			func(w *world) { w.must("auth.role.revoke", `{"name":"custom","permissions":["read:kv:a*"]}`) }, fault.Denied},
		{"a watch that its role goes on to allow", `{"name":"x","roles":["custom"]}`, "kv.watch", `{"prefixes":["a"]}`,
			func(w *world) { w.must("auth.role.revoke", `{"name":"custom","permissions":["write:queue"]}`) }, 0},
		{"topics", `{"name":"x","roles":["pubsub-reader"]}`, "pubsub.subscribe", `{"patterns":["a.#"]}`, func(w *world) { w.must("auth.key.revoke", `{"key":"x"}`) }, fault.Unauthenticated},
		{"a rotated key", `{"name":"x","roles":["reader"]}`, "kv.watch", `{"keys":["a"]}`, func(w *world) { w.must("auth.key.rotate", `{"key":"x","overlap":0}`) }, fault.Unauthenticated},
		{"waiting at a queue", `{"name":"x","roles":["queue-worker"]}`, "queue.receive", `{"queue":"q","wait":20}`, func(w *world) { w.must("auth.key.revoke", `{"key":"x"}`) }, fault.Unauthenticated},
		{"waiting at a queue without the role", `{"name":"x","roles":["custom"]}`, "queue.receive", `{"queue":"q","wait":20}`,
			func(w *world) { w.must("auth.role.revoke", `{"name":"custom","permissions":["write:queue"]}`) }, fault.Denied},
		{"polling topics", `{"name":"x","roles":["reader"]}`, "pubsub.listen", `{"patterns":["a"],"wait":20}`, func(w *world) { w.must("auth.key.revoke", `{"key":"x"}`) }, fault.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, stop := open(t)
				defer stop()
				w.must("auth.role.create", `{"name":"custom","permissions":["read:kv:a*","write:queue"]}`)
				caller := w.caller(c.key)
				cmd, _ := w.engine.Dispatcher().Table().Find(c.command)
				r := &command.Request{Caller: caller, Command: cmd, Payload: command.JSON(c.payload)}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() {
					if cmd.Kind == command.KindWatch {
						ended <- w.engine.Dispatcher().Watch(ctx, r, &counting{there: make(chan struct{}), events: make(chan any, 10)})
						return
					}
					_, err := w.engine.Dispatcher().Do(ctx, r)
					ended <- err
				}()
				synctest.Wait()
				start := time.Now()
				c.then(w)
				synctest.Wait()
				select {
				case err := <-ended:
					wants(t, "it ended", err, c.code)
					if c.code == 0 {
						t.Error("it ended")
					}
				default:
					if c.code != 0 {
						t.Errorf("it goes on %v later", time.Since(start))
					}
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}

// TestRecovery keeps who there is over a restart.
func TestRecovery(t *testing.T) {
	r := synaptest.Record(t, structures)
	try := func(name, payload string) string {
		got, err := r.Try(name, payload)
		if err != nil {
			t.Fatalf("%s %s: %v", name, payload, err)
		}
		return got
	}
	for i := range 30 {
		try("auth.role.create", fmt.Sprintf(`{"name":"r%d","permissions":["read:kv:%d*"]}`, i, i))
		try("auth.key.create", fmt.Sprintf(`{"name":"k%d","roles":["r%d"]}`, i, i))
	}
	try("auth.user.create", `{"name":"ada","password":"correct horse"}`)
	step := 0
	saved := r.Save(t, func() {
		step++
		try("auth.key.rotate", fmt.Sprintf(`{"key":"k%d"}`, step%10))
		try("auth.key.create", fmt.Sprintf(`{"name":"late%d","roles":["r%d"]}`, step, step%30))
		try("auth.key.update", fmt.Sprintf(`{"key":"late%d","name":"later%d","roles":["r%d"],"requests_per_s":%d,"ttl":9999}`, step, step, (step+1)%30, step))
		if step < 10 {
			try("auth.key.revoke", fmt.Sprintf(`{"key":"k%d"}`, 10+step))
			try("auth.role.grant", fmt.Sprintf(`{"name":"r%d","permissions":["write:queue"]}`, step))
		}
	})
	r.ExpectSame(t, "from a snapshot", r.Recover(t, saved))
	r.ExpectSame(t, "from the log", r.Recover(t, synaptest.Saved{}))
}

// TestAKeyIsChanged: who has it goes on with it, under its new name and with its new rights, and ends when it expires.
func TestAKeyIsChanged(t *testing.T) {
	w, stop := open(t)
	defer stop()
	secret := w.key(`{"name":"worker","permissions":["write:kv:a*"],"ttl":60}`)
	shown := func() (*auth.Identity, error) {
		return w.who.Authenticate(t.Context(), &auth.Credential{Key: secret, From: "10.0.0.1:1"})
	}
	before, err := shown()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	defer before.OnEnd(func(why error) { ended <- why })()
	w.must("auth.key.update", `{"key":"worker","name":"helper","permissions":["read:kv:b*"],"requests_per_s":7,"burst":9,"ttl":0,"networks":["10.0.0.0/8"]}`)
	now, err := before.Now()
	if err != nil || now.Name != "helper" || now.RequestsPerS != 7 || now.Burst != 9 || now.Check(auth.Read, auth.Name("kv", "b1")) != nil ||
		now.Check(auth.Read, auth.Name("kv", "a1")) == nil {
		t.Errorf("who has it is %+v, %v", now, err)
	}
	if again, err := shown(); err != nil || again != now {
		t.Errorf("its secret: %+v, %v", again, err)
	}
	if _, err := w.who.Authenticate(t.Context(), &auth.Credential{Key: secret, From: "11.0.0.1:1"}); err == nil {
		t.Error("it may be used from elsewhere")
	}
	if _, err := w.do(w.caller(`{"name":"clerk","permissions":["admin:auth","read:kv:b*"]}`), "auth.key.update", `{"key":"helper","permissions":["write:kv"]}`); fault.CodeOf(err) != fault.Denied {
		t.Errorf("somebody gives what he does not have: %v", err)
	}
	if _, err := w.do(w.caller(`{"name":"other","permissions":["read:kv:b*"]}`), "auth.key.update", `{"key":"helper","ttl":1}`); fault.CodeOf(err) != fault.Denied {
		t.Errorf("somebody who may not: %v", err)
	}
	select {
	case why := <-ended:
		t.Fatalf("it ended: %v", why)
	default:
	}
	w.must("auth.key.update", `{"key":"helper","ttl_ms":1}`)
	<-ended // when it expires
	if _, err := shown(); err == nil {
		t.Error("it can be used when it has expired")
	}
	w.must("auth.key.update", `{"key":"helper","ttl":60,"requests_per_s":0}`)
	if who, err := shown(); err != nil || who.RequestsPerS != 0 || who.Burst != 0 {
		t.Errorf("with another ttl: %+v, %v", who, err)
	}
}

// TestListsArePaged goes through keys and users page by page.
func TestListsArePaged(t *testing.T) {
	w, stop := open(t)
	defer stop()
	for i := range 7 {
		w.key(fmt.Sprintf(`{"name":"k%d"}`, i))
	}
	w.must("auth.user.create", `{"name":"ada","password":"correct horse"}`)
	var names []string
	for cursor, more := "", true; more; more = cursor != "" {
		page := w.must("auth.key.list", fmt.Sprintf(`{"prefix":"k","limit":3,"cursor":%q}`, cursor))
		for _, item := range page["items"].([]any) {
			names = append(names, item.(map[string]any)["name"].(string))
		}
		cursor, _ = page["next_cursor"].(string)
	}
	if got := strings.Join(names, " "); got != "k0 k1 k2 k3 k4 k5 k6" {
		t.Errorf("listed %s", got)
	}
	if items := w.must("auth.user.list", `{"prefix":"z"}`)["items"].([]any); len(items) != 0 {
		t.Errorf("listed %v", items)
	}
}

// TestWhoami shows what a key may do.
func TestWhoami(t *testing.T) {
	w, stop := open(t)
	defer stop()
	got, err := w.do(w.caller(`{"name":"x","roles":["monitor"],"namespaces":["lab"],"ttl":60}`), "auth.whoami", `{}`)
	if err != nil || got["name"] != "x" || got["expires_at"] == nil || fmt.Sprint(got["namespaces"], got["permissions"], got["any_namespace"]) != "[lab] [read:server:* read:persistence:* read:namespace:*] <nil>" {
		t.Errorf("%v, %v", got, err)
	}
}

// BenchmarkAuthenticate is what a request pays for who calls and whether they may.
func BenchmarkAuthenticate(b *testing.B) {
	w, stop := open(b)
	defer stop()
	secret := w.key(`{"name":"worker","permissions":["write:kv:tenant:*"]}`)
	for i := range 1000 {
		w.key(fmt.Sprintf(`{"name":"k%d","roles":["kv-reader"]}`, i))
	}
	c := &auth.Credential{Key: secret, From: "127.0.0.1:5"}
	name := auth.Name("kv", "tenant:a-key")
	b.ReportAllocs()
	for b.Loop() {
		id, err := w.who.Authenticate(context.Background(), c)
		if err == nil {
			id, err = id.Now()
		}
		if err == nil {
			err = id.Check(auth.Write, name)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
