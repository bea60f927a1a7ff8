package embed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint is an embedder for tests: the vector of a text is its length and its first byte.
type endpoint struct {
	calls atomic.Int64
	mu    sync.Mutex
	seen  []string             // every text that was embedded
	auth  string               // of the last call
	hook  func(n int64) string // what the n-th call answers instead: "" is nothing else, "503 text" a status and a body
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := e.calls.Add(1)
	var request struct {
		Model string   `json:"model"`
		Input []string `json:"input"`
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &request) != nil || request.Model != "m" {
		http.Error(w, "what?", http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	e.seen = append(e.seen, request.Input...)
	e.auth = r.Header.Get("Authorization")
	e.mu.Unlock()
	if e.hook != nil {
		if text := e.hook(n); text != "" {
			var status int
			_, _ = fmt.Sscanf(text, "%d", &status)
			if status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "3")
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text[4:])
			return
		}
	}
	vectors := make([][]float32, len(request.Input))
	for i, text := range request.Input {
		if text == "poison" {
			http.Error(w, `{"error":"too long"}`, http.StatusBadRequest)
			return
		}
		vectors[i] = []float32{float32(len(text)), float32(text[0])}
	}
	if strings.HasSuffix(r.URL.Path, "/api/embed") {
		_ = json.NewEncoder(w).Encode(map[string]any{"embeddings": vectors})
		return
	}
	var data []map[string]any
	for i := len(vectors) - 1; i >= 0; i-- { // in another order
		data = append(data, map[string]any{"index": i, "embedding": vectors[i]})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

// direct serves calls without a network, so that a test owns the time.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func open(t *testing.T, o Options) *Service {
	t.Helper()
	if o.Kind == "" {
		o.Kind = Ollama
	}
	if o.URL == "" {
		o.URL = "http://embedder.test"
	}
	if o.Model == "" {
		o.Model = "m"
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *Service) wait(text string, p Purpose) ([]float32, error) {
	a := s.Ask(text, p)
	<-a.Done()
	return a.Vector()
}

func (s *Service) fillNow(t *testing.T, texts ...string) []Filled {
	t.Helper()
	done := make(chan []Filled, 1)
	if !s.Fill(texts, func(out []Filled) { done <- out }) {
		t.Fatal("the service is filling already")
	}
	return <-done
}

// TestBothShapes talks to real servers.
func TestBothShapes(t *testing.T) {
	for _, kind := range []string{OpenAI, Ollama} {
		t.Run(kind, func(t *testing.T) {
			e := &endpoint{}
			server := httptest.NewServer(e)
			defer server.Close()
			s := open(t, Options{Kind: kind, URL: server.URL + "/base/", Key: "secret", DocumentPrefix: "d:"})
			v, err := s.wait("abc", Query)
			if err != nil || len(v) != 2 || math.Abs(float64(v[0]*v[0]+v[1]*v[1])-1) > 1e-6 || math.Abs(float64(v[1]/v[0])-97.0/3) > 1e-3 {
				t.Fatalf("the vector is %v, %v", v, err)
			}
			out := s.fillNow(t, "x", "yy", "zzz")
			for i, f := range out {
				if f.Err != nil || math.Abs(float64(f.Vector[0]/f.Vector[1])-float64(3+i)/'d') > 1e-3 {
					t.Errorf("text %d: %v", i, f)
				}
			}
			if e.auth != "Bearer secret" || strings.Join(e.seen, " ") != "abc d:x d:yy d:zzz" {
				t.Errorf("it was asked %q with %q", e.seen, e.auth)
			}
			if st := s.Status(); st.Dimension != 2 || st.Kind != kind || st.Model != "m" || st.Trouble != nil {
				t.Errorf("Status() = %+v", st)
			}
			if s.Model() == "m" || s.o.URL != server.URL+"/base"+shapes[kind].path() {
				t.Errorf("model %q at %s", s.Model(), s.o.URL)
			}
		})
	}
}

func TestTheCacheAnswersTwice(t *testing.T) {
	e := &endpoint{}
	s := open(t, Options{Transport: direct{e}})
	for range 3 {
		if _, err := s.wait("abc", Query); err != nil {
			t.Fatal(err)
		}
	}
	if out := s.fillNow(t, "abc", "new"); out[0].Vector == nil || out[1].Vector == nil {
		t.Fatal(out)
	}
	if e.calls.Load() != 2 {
		t.Errorf("the endpoint was called %d times", e.calls.Load())
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache(10_000)
	v := make([]float32, 100)
	for i := range 100 {
		c.put(key{byte(i)}, v)
		c.put(key{byte(i)}, v)
		if c.bytes > c.limit || c.bytes != int64(c.lru.Len())*size(v) {
			t.Fatalf("%d entries of %d bytes", c.lru.Len(), c.bytes)
		}
	}
	if c.get(key{99}) == nil || c.get(key{0}) != nil {
		t.Error("it did not keep the last ones")
	}
	c.put(key{1}, make([]float32, 10_000))
	if c.get(key{1}) != nil {
		t.Error("it keeps what is larger than all of it")
	}
}

func TestTheSameQuestionIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{hook: func(int64) string { time.Sleep(time.Second); return "" }}
		s := open(t, Options{Transport: direct{e}})
		a, b := s.Ask("abc", Query), s.Ask("abc", Query)
		if a != b {
			t.Error("it is asked twice at the same time")
		}
		if _, err := a.Vector(); err == nil {
			t.Error("there is an answer already")
		}
		<-a.Done()
		if v, err := a.Vector(); err != nil || v == nil {
			t.Error(v, err)
		}
	})
}

func TestTooManyQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{hook: func(int64) string { time.Sleep(time.Second); return "" }}
		s := open(t, Options{Transport: direct{e}})
		var first *Answer
		for i := range maxAsking {
			a := s.Ask(fmt.Sprint("text ", i), Query)
			if first == nil {
				first = a
			}
		}
		if _, err := s.wait("one more", Query); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v", err)
		}
		<-first.Done()
		synctest.Wait()
		if _, err := s.wait("one more", Query); err != nil {
			t.Error(err)
		}
	})
}

// TestFailures has an endpoint do everything wrong that one can do.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		calls        int64 // how often it is asked before somebody who waits gets the error
		want         string
		rest         time.Duration // about
	}{
		{"down", "500 oh\nno", askTries, "500 Internal Server Error: oh no", firstRest},
		{"busy, and it says for how long", "503 later", askTries, "503 Service Unavailable: later", 3 * time.Second},
		{"a wrong key", "401 wrong key secret", 1, "401 Unauthorized: wrong key …", longestRest},
		{"garbage", "200 <html>", askTries, "cannot be read", firstRest},
		{"half an answer", `200 {"embeddings":[[1,`, askTries, "cannot be read", firstRest},
		{"no vector", `200 {}`, askTries, "there is no vector in it", firstRest},
		{"one too many", `200 {"embeddings":[[1],[2]]}`, askTries, "2 vectors in it, for 1 texts", firstRest},
		{"an empty vector", `200 {"embeddings":[[]]}`, 1, "a vector of 0 dimensions", longestRest},
		{"zeros", `200 {"embeddings":[[0,0]]}`, askTries, "no direction", firstRest},
		{"another dimension", `200 {"embeddings":[[1,2,3]]}`, 1, "3 dimensions, and those of the model m have 2", longestRest},
		{"a redirect", "302 elsewhere", 1, "302 Found", longestRest},
		{"numbers too large", `200 {"embeddings":[[1e999,2]]}`, askTries, "cannot be read", firstRest},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{hook: func(int64) string { return c.answer }}
				s := open(t, Options{Transport: direct{e}, Dimension: 2, Key: "secret"})
				_, err := s.wait("abc", Query)
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
					t.Errorf("it says %v, want %q", err, c.want)
				}
				if e.calls.Load() != c.calls {
					t.Errorf("it was asked %d times, want %d", e.calls.Load(), c.calls)
				}
				st := s.Status()
				if st.Trouble == nil || time.Until(st.Retry) < c.rest/2 || time.Until(st.Retry) > c.rest*3/2 {
					t.Errorf("it rests for %v after %v", time.Until(st.Retry), st.Trouble)
				}
				// While it rests nobody asks it.
				if _, again := s.wait("other", Query); again == nil || e.calls.Load() != c.calls {
					t.Errorf("it is asked while it rests: %v", again)
				}
				if out := s.fillNow(t, "x"); out[0].Err == nil || e.calls.Load() != c.calls {
					t.Errorf("it is asked while it rests: %v", out)
				}
				// Then it is well again.
				e.hook = nil
				time.Sleep(time.Until(st.Retry))
				if v, err := s.wait("abc", Query); err != nil || len(v) != 2 || s.Status().Trouble != nil {
					t.Errorf("it is not well again: %v, %v", v, err)
				}
			})
		})
	}
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{hook: func(int64) string { time.Sleep(time.Minute); return "" }}
		s := open(t, Options{Transport: direct{e}, Timeout: time.Second})
		start := time.Now()
		if _, err := s.wait("abc", Query); err == nil || !strings.Contains(err.Error(), "did not answer within 1s") {
			t.Errorf("it says %v", err)
		}
		_ = start
	})
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(&endpoint{})
	server.Close()
	s := open(t, Options{URL: server.URL})
	if _, err := s.wait("abc", Query); err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error(), server.URL) {
		t.Errorf("it says %v", err)
	}
}

// TestFailuresInARow rests longer each time, up to a bound.
func TestFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{hook: func(int64) string { return "500 no" }}
		s := open(t, Options{Transport: direct{e}})
		last := time.Duration(0)
		for i := range 10 {
			_, _ = s.wait("abc", Query)
			rest := time.Until(s.Status().Retry)
			if rest <= last/2 || rest > longestRest*5/4 || i == 9 && rest < longestRest*3/4 {
				t.Errorf("after failure %d it rests for %v", i, rest)
			}
			last = rest
			time.Sleep(rest)
		}
	})
}

// TestOneTextSpoilsNoOther has one that the endpoint refuses among many.
func TestOneTextSpoilsNoOther(t *testing.T) {
	s := open(t, Options{Transport: direct{&endpoint{}}})
	texts := make([]string, 70)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
	}
	texts[40] = "poison"
	for i, f := range s.fillNow(t, texts...) {
		if (f.Err != nil) != (i == 40) || (f.Vector == nil) != (i == 40) || i == 40 && !Refused(f.Err) {
			t.Errorf("text %d: %v", i, f)
		}
	}
	if s.Status().Trouble != nil {
		t.Error("a refused text is held against the endpoint")
	}
}

func TestBatches(t *testing.T) {
	e := &endpoint{}
	s := open(t, Options{Transport: direct{e}})
	big := strings.Repeat("x", maxBatchBytes)
	out := s.fillNow(t, "a", big, big+"y", "b")
	for i, f := range out {
		if f.Vector == nil {
			t.Errorf("text %d: %v", i, f.Err)
		}
	}
	if e.calls.Load() != 4 {
		t.Errorf("%d calls, want 4: a large text goes alone", e.calls.Load())
	}
}

// TestASlowEndpointGetsSmallerBatches has one that needs four seconds for each text.
func TestASlowEndpointGetsSmallerBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		texts := []string{}
		for i := range 64 {
			texts = append(texts, fmt.Sprint("text ", i))
		}
		slow := roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			select {
			case <-time.After(time.Duration(strings.Count(string(body), "text ")) * 4 * time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			return direct{e}.RoundTrip(r)
		})
		s := open(t, Options{Transport: slow})
		for i, f := range s.fillNow(t, texts...) {
			if f.Vector == nil {
				t.Fatalf("text %d: %v", i, f.Err)
			}
		}
		if st := s.Status(); st.Trouble != nil || e.calls.Load() != 64/4 || s.batch.Load() != 4 {
			t.Errorf("%d calls, batches of %d, %+v", e.calls.Load(), s.batch.Load(), st)
		}
	})
}

type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCloseEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{Transport: direct{&endpoint{hook: func(int64) string { return "500 no" }}}})
		a := s.Ask("abc", Query)
		var out []Filled
		if !s.Fill([]string{"x"}, func(f []Filled) { out = f }) || s.Fill([]string{"y"}, nil) {
			t.Fatal("one Fill at a time")
		}
		synctest.Wait() // both pause before their next try
		s.Close()
		if _, err := a.Vector(); err == nil || len(out) != 1 || out[0].Err == nil {
			t.Errorf("after Close: %v, %v", err, out)
		}
		if _, err := s.wait("more", Query); !errors.Is(err, ErrClosed) || s.Fill([]string{"x"}, nil) {
			t.Errorf("a closed service answers %v", err)
		}
	})
}

func TestOptions(t *testing.T) {
	if s, err := New(Options{}); s != nil || err != nil {
		t.Errorf("no embedder: %v, %v", s, err)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Kind: "magic"}, `kind: "magic"`},
		{Options{Kind: OpenAI}, "model:"},
		{Options{Kind: Ollama, Model: "m"}, "url:"},
		{Options{Kind: Ollama, Model: "m", URL: "127.0.0.1:11434"}, "url:"},
		{Options{Kind: Ollama, Model: "m", URL: "http://user:pass@host"}, "a secret"},
		{Options{Kind: Ollama, Model: "m", URL: "http://host", Dimension: -1}, "dimension:"},
		{Options{Kind: Ollama, Model: "m", URL: "http://host", Timeout: -1}, "timeout"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	s := open(t, Options{Kind: OpenAI, URL: "https://host/v1/embeddings"})
	if s.o.URL != "https://host/v1/embeddings" {
		t.Errorf("it posts to %s", s.o.URL)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`{"embeddings":[[1,2]]}`, `{"data":[{"index":0,"embedding":[1]}]}`, `{"data":[{"index":-1}]}`, `[]`, `{"data":[{},{}]}`} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		n = min(max(n, 1), 32)
		for kind, shape := range shapes {
			if v, err := shape.vectors(body, n); err == nil && len(v) != n {
				t.Errorf("%s: %d vectors for %d texts", kind, len(v), n)
			}
		}
	})
}
