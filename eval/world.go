package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Player is what the agent's client calls itself, so that its name is the same with every client.
const Player = "player"

// worlds numbers what was opened, so that a task can be opened again on the same server.
var worlds atomic.Int64

// World is a task opened on a server: a namespace, keys, and what there was before.
type World struct {
	Task      *Task
	Namespace string
	Key       string // of the agent that is to do it
	server    *Server

	keys map[string]string // by agent
	stop func()            // ends those who do something meanwhile

	mu    sync.Mutex        // guards what is below
	vars  map[string]string // what {{names}} stand for
	spoil error             // why the others could not do what they do
}

// Open makes the world of a task.
func (s *Server) Open(ctx context.Context, t *Task) (*World, error) {
	mark := strconv.FormatInt(worlds.Add(1), 36)
	w := &World{
		Task: t, Namespace: t.ID + "-" + mark, server: s, vars: map[string]string{}, keys: map[string]string{}, stop: func() {},
	}
	if _, err := s.do(ctx, s.Key, "", "namespace.create", fmt.Sprintf(`{"name":%q}`, w.Namespace)); err != nil {
		return nil, err
	}
	for _, who := range append([]string{"agent"}, t.Agents...) {
		if err := w.hire(ctx, who, mark); err != nil {
			return nil, err
		}
	}
	w.Key = w.keys["agent"]
	w.vars["me"] = w.vars["agent"] + "/" + Player
	w.vars["soon"] = strconv.FormatInt(time.Now().Add(5*time.Minute).UnixMilli(), 10)
	if _, err := w.run(ctx, t.World); err != nil {
		return nil, err
	}
	if t.Quotas != "" {
		if _, err := s.do(ctx, s.Key, "", "namespace.update", fmt.Sprintf(`{"name":%q,"quotas":%s}`, w.Namespace, t.Quotas)); err != nil {
			return nil, err
		}
	}
	w.meanwhile(ctx)
	return w, nil
}

// hire makes the key of somebody who takes part. Their name is theirs alone on the server.
func (w *World) hire(ctx context.Context, who, mark string) error {
	request := map[string]any{"name": who + "-" + mark, "home": w.Namespace, "roles": []string{"writer"}, "permissions": []string{"read:server"}}
	if who == "agent" && len(w.Task.Access) > 0 {
		request["roles"], request["permissions"] = []string{}, w.Task.Access
	}
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer, err := w.server.do(ctx, w.server.Key, "", "auth.key.create", string(text))
	if err != nil {
		return err
	}
	var made struct{ Name, Secret string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	w.vars[who], w.keys[who] = made.Name, made.Secret
	return nil
}

// meanwhile lets the others wait for their moment.
func (w *World) meanwhile(ctx context.Context) {
	if len(w.Task.When) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() {
		if _, err := w.run(ctx, w.Task.When); err != nil && !errors.Is(err, context.Canceled) {
			w.mu.Lock()
			w.spoil = err
			w.mu.Unlock()
		}
	})
	w.stop = func() { cancel(); others.Wait() }
}

// Text is what a model is told, besides a prompt.
func (w *World) Text() string { return w.fill(w.Task.Text) }

// Prompt is the name and the arguments of the prompt that a model is given; "" is none.
func (w *World) Prompt() string { return w.fill(w.Task.Prompt) }

// URL is where MCP is spoken over HTTP, with the task's profile.
func (w *World) URL() string {
	url := w.server.URL + "/mcp?agent=" + Player
	if w.Task.Profile != "" {
		url += "&profile=" + w.Task.Profile
	}
	return url
}

// Close takes the world away.
func (w *World) Close(ctx context.Context) error {
	w.stop()
	w.mu.Lock()
	errs := []error{w.spoil}
	w.mu.Unlock()
	for _, who := range slices.Sorted(maps.Keys(w.keys)) {
		_, err := w.server.do(ctx, w.server.Key, "", "auth.key.revoke", fmt.Sprintf(`{"key":%q}`, w.vars[who]))
		errs = append(errs, err)
	}
	_, err := w.server.do(ctx, w.server.Key, "", "namespace.delete", fmt.Sprintf(`{"name":%q,"confirm":%[1]q}`, w.Namespace))
	return errors.Join(append(errs, err)...)
}

// run runs steps in order and returns the last answer.
func (w *World) run(ctx context.Context, steps []Step) (answer json.RawMessage, err error) {
	for _, s := range steps {
		if answer, err = w.step(ctx, s); err != nil {
			return nil, fmt.Errorf("%s %s: %w", s.Command, s.Request, err)
		}
	}
	return answer, nil
}

func (w *World) step(ctx context.Context, s Step) (answer json.RawMessage, err error) {
	key, namespace := w.server.Key, w.Namespace
	if s.Who != "" {
		key, namespace = w.keys[s.Who], ""
	}
	request := w.fill(s.Request)
	for i := s.From; i <= s.To; i++ {
		answer, err = w.server.do(ctx, key, namespace, s.Command, count(request, i))
		if err != nil {
			return nil, err
		}
	}
	for name, path := range s.Keep {
		part, err := decode(answer)
		if err != nil {
			return nil, err
		}
		w.set(name, Answer{part}.Get(path).Text())
	}
	return answer, nil
}

var hole = regexp.MustCompile(`\{\{([a-z]+)\}\}`)

func (w *World) set(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.vars[name] = value
}

// fill puts in what {{names}} stand for.
func (w *World) fill(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return hole.ReplaceAllStringFunc(text, func(name string) string {
		if v, known := w.vars[strings.Trim(name, "{}")]; known {
			return v
		}
		return name
	})
}

var counter = regexp.MustCompile(`\{i(\d?)\}`)

// count puts a number in for {i}, with leading zeros for {i4}. A text of 1,000 letters stands for {long}.
func count(text string, i int) string {
	text = strings.ReplaceAll(text, "{long}", strings.Repeat("lorem ipsum ", 84)[:1000])
	return counter.ReplaceAllStringFunc(text, func(m string) string {
		width, _ := strconv.Atoi(strings.Trim(m, "{i}"))
		return fmt.Sprintf("%0*d", width, i)
	})
}
