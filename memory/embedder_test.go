package memory_test

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/memory/embed"
)

// meanings are words that mean the same; all others mean themselves.
var meanings = map[string]string{"automobile": "car", "vehicle": "car", "physician": "doctor", "purchase": "buy", "bought": "buy"}

// model is an embedder whose vectors are of what words mean. It is called without a network, so that a test owns the time.
type model struct {
	mu    sync.Mutex
	down  bool
	delay time.Duration
	calls int
	texts []string // all that were embedded
}

func (m *model) set(down bool, delay time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down, m.delay = down, delay
}

// called says how often it was called, and how many texts it has embedded.
func (m *model) called() (calls, texts int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls, len(m.texts)
}

func (m *model) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.calls++
	down, delay := m.down, m.delay
	m.mu.Unlock()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	var request struct{ Input []string }
	_ = json.NewDecoder(r.Body).Decode(&request)
	if down {
		w.WriteHeader(http.StatusInternalServerError)
		return w.Result(), nil
	}
	vectors := [][]float32{}
	for _, text := range request.Input {
		if strings.Contains(text, "poison") {
			w.WriteHeader(http.StatusBadRequest)
			return w.Result(), nil
		}
		vectors = append(vectors, meaning(text))
	}
	m.mu.Lock()
	m.texts = append(m.texts, request.Input...)
	m.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{"embeddings": vectors})
	return w.Result(), nil
}

func meaning(text string) []float32 {
	v := make([]float32, 64)
	for _, word := range strings.Fields(strings.ToLower(strings.Trim(text, ".?!"))) {
		if m, ok := meanings[word]; ok {
			word = m
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(word))
		v[h.Sum32()%64]++
	}
	return v
}

// world is an engine with memories and an embedder.
type world struct {
	*synaptest.Recording
	model   *model
	service *embed.Service
	stop    func()
}

// newService returns the embedder over the model, under a name.
func newService(t testing.TB, m *model, name string) *embed.Service {
	t.Helper()
	s, err := embed.New(embed.Options{Kind: embed.Ollama, URL: "http://embedder.test", Model: name, Transport: m, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newWorld starts one; it ends with the test, or with stop.
func newWorld(t testing.TB, m *model) *world {
	w := &world{model: m, service: newService(t, m, "one")}
	w.Recording = synaptest.Record(t, func() []*command.Structure {
		return []*command.Structure{memory.Structure(memory.Options{Embedder: w.service})}
	})
	w.start(t)
	return w
}

func (w *world) start(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Engine.Run(ctx) })
	stopped := sync.OnceFunc(func() {
		w.service.Close()
		cancel()
		running.Wait()
	})
	w.stop = stopped
	t.Cleanup(stopped)
}

// must runs a command that works.
func (w *world) must(t testing.TB, name, payload string) answer {
	t.Helper()
	return must(t, w.Recording, name, payload)
}

// answer is what commands of memories answer.
type answer struct {
	ID       string
	Embedded bool
	Changed  bool
	Version  uint64
	Similar  []struct {
		ID, By string
		Score  float64
	}
	Results []struct {
		ID, Text                 string
		Score, Similarity, Words float64
		Cut                      bool
	}
	Truncated     bool
	Ranking, Note string
	Waiting       int
	Memories      int
	Embedder      struct{ Trouble string }
	Items         []struct{ ID, Text string }
	Total         *int
	NextCursor    string `json:"next_cursor"`
	Deleted       any
	Found         bool
}

func must(t testing.TB, r *synaptest.Recording, name, payload string) (a answer) {
	t.Helper()
	text, err := r.Try(name, payload)
	if err != nil {
		t.Fatalf("%s %s: %v", name, payload, err)
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// found lists the ids of the results.
func (a answer) found() string {
	var ids []string
	for _, r := range a.Results {
		ids = append(ids, strings.TrimPrefix(r.ID, "default:"))
	}
	return strings.Join(ids, " ")
}
