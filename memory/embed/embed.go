// Package embed gets vectors for texts from an embedding model that runs elsewhere, behind an endpoint shaped like OpenAI's or like Ollama's.
//
// A Service is that endpoint for the whole server. Network takes time and fails, so nobody waits here: Ask and Fill return at once, work goes on in
// goroutines that the Service owns and that Close ends, and whoever asked decides how long the answer is worth waiting for. Answers are kept in a
// bounded cache by model and text. An endpoint that failed is left alone for a while, longer each time, and who asks meanwhile hears at once
// that it is down.
//
// Every vector that leaves here has the length 1 and the same number of dimensions as all others, and is shared: nobody changes one. The package
// knows nothing of what the texts are, holds no lock while it talks, and writes the key nowhere.
package embed

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what a Service does at once.
const (
	maxAsking = 16 // questions on the network; another is answered with ErrBusy

	maxBatchTexts = 32        // texts in one call
	maxBatchBytes = 256 << 10 // of them, unless a single one has more

	askTries  = 2 // how often a call is tried when somebody waits
	fillTries = 4 // and when nobody does
	fillTimes = 3 // how many times as long a call may take then

	firstPause  = 200 * time.Millisecond // before the second try; then twice as long each time
	firstRest   = time.Second            // how long an endpoint that failed is left alone; then twice as long each time
	longestRest = time.Minute
)

// ErrBusy is the answer when too many questions are on the network already; ErrClosed when the Service was closed.
var (
	ErrBusy   = errors.New("too many texts are being embedded already")
	ErrClosed = errors.New("the embedder is closed")
)

// Purpose is what a text is embedded for: some models want the two told apart.
type Purpose uint8

// The purposes.
const (
	Document Purpose = iota // a text that is to be found
	Query                   // what is looked for
)

// Service is an embedding endpoint.
type Service struct {
	o         Options
	shape     shape
	client    *http.Client
	context   context.Context // ends with Close
	cancel    context.CancelFunc
	cache     *cache
	dimension atomic.Int64 // of all vectors; 0 until it is known
	filling   atomic.Bool  // a Fill is under way
	batch     atomic.Int32 // texts that the endpoint can do in one call, 1 to maxBatchTexts; only the Fill under way changes it

	mu     sync.Mutex
	asking map[key]*Answer // on the network now
	closed bool
	work   sync.WaitGroup // of all goroutines; added to under mu, while not closed
	health health
}

// health is how the endpoint does.
type health struct {
	failures int       // since the last success
	until    time.Time // it is left alone until then
	reason   error     // of the last failure
}

// New returns the service that the options describe; nil when they say that there is none. It says nothing to the endpoint before it is asked.
func New(o Options) (*Service, error) {
	if err := o.validate(); err != nil || o.Kind == None {
		return nil, err
	}
	s := &Service{
		o: o, shape: shapes[o.Kind], cache: newCache(o.CacheBytes), asking: map[key]*Answer{},
		client: &http.Client{
			Transport: o.Transport,
			// The key goes where it was meant to go, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.context, s.cancel = context.WithCancel(context.Background())
	s.dimension.Store(int64(o.Dimension))
	s.batch.Store(maxBatchTexts)
	return s, nil
}

// Model names what makes the vectors: those of two models cannot be compared.
func (s *Service) Model() string { return s.o.fullModel() }

// Patience is how long a caller should wait for an answer before it does without.
func (s *Service) Patience() time.Duration { return s.o.Patience }

// Close ends what is under way and waits for it.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.client.CloseIdleConnections()
}

// Answer is a vector that was asked for.
type Answer struct {
	done   chan struct{} // closed when the fields below are set
	vector []float32
	err    error
}

// Done is closed when the answer is there.
func (a *Answer) Done() <-chan struct{} { return a.done }

// Vector returns the answer, once Done is closed; before, it is an error.
func (a *Answer) Vector() ([]float32, error) {
	select {
	case <-a.done:
		return a.vector, a.err
	default:
		return nil, errors.New("the embedder took too long")
	}
}

func answered(vector []float32, err error) *Answer {
	a := &Answer{done: make(chan struct{}), vector: vector, err: err}
	close(a.done)
	return a
}

// Ask asks for the vector of one text. The same text that is asked for twice is asked once.
func (s *Service) Ask(text string, p Purpose) *Answer {
	text = s.o.prefix(p) + text
	k := s.key(text)
	if v := s.cache.get(k); v != nil {
		return answered(v, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.asking[k]; a != nil {
		return a
	}
	switch {
	case s.closed:
		return answered(nil, ErrClosed)
	case s.health.until.After(time.Now()):
		return answered(nil, s.health.reason)
	case len(s.asking) >= maxAsking:
		return answered(nil, ErrBusy)
	}
	a := &Answer{done: make(chan struct{})}
	s.asking[k] = a
	s.work.Go(func() {
		vectors, err := s.call([]string{text}, askTries, s.o.Timeout)
		if err == nil {
			a.vector = vectors[0]
		}
		a.err = err
		s.mu.Lock()
		delete(s.asking, k)
		s.mu.Unlock()
		close(a.done)
	})
	return a
}

// Filled is the outcome for one text of a Fill.
type Filled struct {
	Vector []float32
	Err    error
}

// Fill asks for the vectors of documents that nobody waits for, and hands the outcome of each to done, from a goroutine of its own, once. It returns false, and
// does nothing, when another Fill is under way or the Service is closed.
func (s *Service) Fill(texts []string, done func([]Filled)) bool {
	if !s.filling.CompareAndSwap(false, true) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.filling.Store(false)
		return false
	}
	s.work.Go(func() {
		out := s.fill(texts)
		s.filling.Store(false) // before done, which may ask for the next
		done(out)
	})
	return true
}

// fill embeds the texts in batches. After the first failure that is not a text's own the others share it.
func (s *Service) fill(texts []string) []Filled {
	out := make([]Filled, len(texts))
	var missing []int
	for i, text := range texts {
		if out[i].Vector = s.cache.get(s.key(s.o.prefix(Document) + text)); out[i].Vector == nil {
			missing = append(missing, i)
		}
	}
	for len(missing) > 0 {
		batch, size := 0, 0
		for batch < len(missing) && batch < int(s.batch.Load()) && (batch == 0 || size+len(texts[missing[batch]]) <= maxBatchBytes) {
			size += len(texts[missing[batch]])
			batch++
		}
		if err := s.fillBatch(texts, missing[:batch], out); err != nil {
			for _, i := range missing {
				if out[i].Vector == nil && out[i].Err == nil {
					out[i].Err = err
				}
			}
			return out
		}
		missing = missing[batch:]
	}
	return out
}

// fillBatch embeds the texts at these places. A batch that is refused is tried text by text, so that one that cannot be embedded spoils no other. One that
// takes too long is halved, and those after it are as small: asking for the same again would keep a slow endpoint busy for ever, with nothing to show for it.
func (s *Service) fillBatch(texts []string, places []int, out []Filled) error {
	batch := make([]string, len(places))
	for n, i := range places {
		batch[n] = s.o.prefix(Document) + texts[i]
	}
	start := time.Now()
	vectors, err := s.call(batch, fillTries, s.o.Timeout*fillTimes)
	switch {
	case err == nil:
		for n, i := range places {
			out[i].Vector = vectors[n]
		}
		if time.Since(start) < s.o.Timeout/4 {
			s.batch.Store(min(2*s.batch.Load(), maxBatchTexts))
		}
		return nil
	case late(err) && len(places) > 1:
		half := len(places) / 2
		s.batch.Store(int32(half)) //nolint:gosec // at most maxBatchTexts
		if err := s.fillBatch(texts, places[:half], out); err != nil {
			return err
		}
		return s.fillBatch(texts, places[half:], out)
	case !Refused(err):
		return err
	case len(places) == 1:
		out[places[0]].Err = err
		return nil
	}
	for n := range places {
		if err := s.fillBatch(texts, places[n:n+1], out); err != nil {
			return err
		}
	}
	return nil
}

// Status is how the service does.
type Status struct {
	Kind      string
	Model     string
	Dimension int       // 0: not known yet
	Trouble   error     // why the last call failed; nil when it did not
	Retry     time.Time // when the endpoint is asked again; zero when it is not left alone
}

// Status says how the service does.
func (s *Service) Status() Status {
	st := Status{Kind: s.o.Kind, Model: s.o.Model, Dimension: int(s.dimension.Load())}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.Trouble = s.health.reason; s.health.until.After(time.Now()) {
		st.Retry = s.health.until
	}
	return st
}
