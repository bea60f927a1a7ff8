package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxAnswerBytes bounds what is read of an answer: 32 vectors of 8,192 dimensions in decimal are 6 MB.
const maxAnswerBytes = 16 << 20

// failure is a call that did not work.
type failure struct {
	message string
	again   bool          // it may work in a moment
	refused bool          // it is the texts that the endpoint does not want
	late    bool          // it took too long
	pause   time.Duration // how long the endpoint asked to be left alone; 0 when it did not say
}

func (f *failure) Error() string { return f.message }

// Refused reports whether the endpoint works, and did not want this text.
func Refused(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.refused
}

// late reports whether a call took too long: smaller ones may not.
func late(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.late
}

// call gets the vectors of the texts, puts them into the cache, and notes how the endpoint does.
func (s *Service) call(texts []string, tries int, timeout time.Duration) ([][]float32, error) {
	s.mu.Lock()
	resting, reason := s.health.until.After(time.Now()), s.health.reason
	s.mu.Unlock()
	if resting {
		return nil, reason
	}
	vectors, err := s.try(texts, tries, timeout)
	if err != nil {
		if !late(err) || len(texts) == 1 { // of several it may only be too many
			s.note(err)
		}
		return nil, err
	}
	s.note(nil)
	for i, v := range vectors {
		s.cache.put(s.key(texts[i]), v)
	}
	return vectors, nil
}

// note remembers how a call went. One that was refused was answered: the endpoint is well.
func (s *Service) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || Refused(err) {
		s.health = health{}
		return
	}
	if s.context.Err() != nil {
		return // it is our own end
	}
	rest := min(firstRest<<min(s.health.failures, 10), longestRest)
	var f *failure
	if errors.As(err, &f) {
		rest = max(rest, min(f.pause, longestRest))
		if !f.again {
			rest = longestRest // a wrong key or model does not mend itself
		}
	}
	s.health.failures++
	s.health.until, s.health.reason = time.Now().Add(jitter(rest)), err
}

// jitter makes a pause longer or shorter by up to a quarter, so that servers that failed together do not come back together.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d/2)+1)) //nolint:gosec // chance, not a secret
}

// try calls until it works, it makes no sense to go on, or it was tried often enough.
func (s *Service) try(texts []string, tries int, timeout time.Duration) (vectors [][]float32, err error) {
	body, err := json.Marshal(s.shape.request(s.o.Model, texts))
	if err != nil {
		return nil, err
	}
	pause := firstPause
	for n := 1; ; n++ {
		if vectors, err = s.once(body, len(texts), timeout); err == nil {
			return vectors, nil
		}
		var f *failure
		if n == tries || !errors.As(err, &f) || !f.again || f.late || f.pause > timeout {
			return nil, err
		}
		timer := time.NewTimer(max(jitter(pause), f.pause))
		select {
		case <-timer.C:
		case <-s.context.Done():
			timer.Stop()
			return nil, ErrClosed
		}
		pause *= 2
	}
}

// once makes one call.
func (s *Service) once(body []byte, texts int, timeout time.Duration) ([][]float32, error) {
	ctx, cancel := context.WithTimeout(s.context, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if s.o.Key != "" {
		r.Header.Set("Authorization", "Bearer "+s.o.Key)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, s.unreachable(ctx, err, timeout)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, s.unreachable(ctx, err, timeout)
	case resp.StatusCode != http.StatusOK:
		return nil, s.declined(resp, answer)
	case len(answer) > maxAnswerBytes:
		return nil, &failure{message: fmt.Sprintf("the embedder's answer has more than %d bytes", maxAnswerBytes)}
	}
	vectors, err := s.shape.vectors(answer, texts)
	if err != nil {
		return nil, &failure{message: "the embedder's answer cannot be read: " + clean(err.Error()), again: true}
	}
	return vectors, s.accept(vectors)
}

// unreachable is why there was no answer. The address stays out of it, because callers are told and it is none of their business.
func (s *Service) unreachable(ctx context.Context, err error, timeout time.Duration) error {
	switch {
	case s.context.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return &failure{message: fmt.Sprintf("the embedder did not answer within %v", timeout), again: true, late: true}
	}
	var cause error = err
	for inner := errors.Unwrap(cause); inner != nil; inner = errors.Unwrap(cause) {
		cause = inner
	}
	return &failure{message: "the embedder cannot be reached: " + clean(cause.Error()), again: true}
}

// declined is what an answer that is not 200 means.
func (s *Service) declined(resp *http.Response, body []byte) error {
	f := &failure{message: fmt.Sprintf("the embedder answered %s", resp.Status)}
	if text := clean(string(body)); text != "" {
		f.message += ": " + text
	}
	switch c := resp.StatusCode; {
	case c >= 500 || c == http.StatusTooManyRequests || c == http.StatusRequestTimeout:
		f.again = true
	case c == http.StatusBadRequest || c == http.StatusRequestEntityTooLarge || c == http.StatusUnprocessableEntity:
		f.refused = true
	}
	if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && after > 0 {
		f.pause = time.Duration(min(after, 3600)) * time.Second
	}
	if s.o.Key != "" {
		f.message = strings.ReplaceAll(f.message, s.o.Key, "…") // some endpoints repeat a wrong key
	}
	return f
}

// clean makes a short line of what somebody else wrote.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text[:min(len(text), 400)], ""))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// accept makes the vectors as long as 1, or says what is wrong with them.
func (s *Service) accept(vectors [][]float32) error {
	for _, v := range vectors {
		if len(v) == 0 || len(v) > MaxDimension {
			return &failure{message: fmt.Sprintf("the embedder answered a vector of %d dimensions; it has 1 to %d", len(v), MaxDimension)}
		}
		if s.dimension.CompareAndSwap(0, int64(len(v))) {
			continue
		}
		if want := s.dimension.Load(); want != int64(len(v)) {
			return &failure{message: fmt.Sprintf("the embedder answered a vector of %d dimensions, and those of the model %s have %d", len(v), s.o.Model, want)}
		}
	}
	for _, v := range vectors {
		if !normalize(v) {
			return &failure{message: "the embedder answered a vector that has no direction", again: true}
		}
	}
	return nil
}

// normalize makes the vector as long as 1, and reports whether that can be done.
func normalize(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return false
	}
	scale := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] = float32(float64(v[i]) * scale)
	}
	return true
}
