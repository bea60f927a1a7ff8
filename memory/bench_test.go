package memory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/synaptest"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/memory/embed"
)

// randomModel answers with vectors of 384 dimensions that mean nothing, at once.
type randomModel struct{}

func (randomModel) RoundTrip(r *http.Request) (*http.Response, error) {
	var request struct{ Input []string }
	_ = json.NewDecoder(r.Body).Decode(&request)
	vectors := make([][]float32, len(request.Input))
	for i := range vectors {
		vectors[i] = make([]float32, 384)
		for j := range vectors[i] {
			vectors[i][j] = rand.Float32() - 0.5
		}
	}
	w := httptest.NewRecorder()
	_ = json.NewEncoder(w).Encode(map[string]any{"embeddings": vectors})
	return w.Result(), nil
}

// phrase is words that are as unevenly used as those of a language.
func phrase(r *rand.Rand, words int) string {
	z := rand.NewZipf(r, 1.1, 4, 60_000)
	var b strings.Builder
	for range words {
		fmt.Fprintf(&b, "w%dx ", z.Uint64())
	}
	return b.String()
}

// filledWith returns an engine with so many memories of fifteen words, with vectors or without.
func filledWith(b *testing.B, n int, vectors bool) *synaptest.Recording {
	b.Helper()
	o := memory.Options{}
	if vectors {
		service, err := embed.New(embed.Options{Kind: embed.Ollama, URL: "http://embedder.test", Model: "m", Transport: randomModel{}, CacheBytes: 1 << 20})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(service.Close)
		o.Embedder = service
	}
	r := synaptest.Record(b, func() []*command.Structure { return []*command.Structure{memory.Structure(o)} })
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- r.Engine.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	words := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	for i := range n {
		must(b, r, "memory.store", fmt.Sprintf(`{"text":%q,"metadata":{"n":%d},"skip_similar":true}`, phrase(words, 15), i%100))
	}
	b.Logf("%d stored, %.1f µs each", n, float64(time.Since(start).Microseconds())/float64(n))
	for must(b, r, "memory.stats", `{}`).Waiting > 0 {
		<-time.After(20 * time.Millisecond)
	}
	b.Logf("all ready after %v; %d bytes each", time.Since(start), bytesOf(b, r)/int64(n))
	return r
}

func bytesOf(b *testing.B, r *synaptest.Recording) int64 {
	text, err := r.Try("memory.stats", `{}`)
	var st struct{ Bytes int64 }
	if err == nil {
		err = json.Unmarshal([]byte(text), &st)
	}
	if err != nil {
		b.Fatal(err)
	}
	return st.Bytes
}

// BenchmarkSearch searches through the dispatcher, with the answer made JSON.
func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{20_000, 100_000} {
		for _, vectors := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/vectors=%t", n, vectors), func(b *testing.B) {
				r := filledWith(b, n, vectors)
				words := rand.New(rand.NewPCG(3, 4))
				for _, filter := range []string{"", `,"filter":{"n":7}`} {
					b.Run("filter="+fmt.Sprint(filter != ""), func(b *testing.B) {
						var took []time.Duration
						for b.Loop() {
							q := fmt.Sprintf(`{"query":%q,"response_format":"concise","limit":5%s}`, phrase(words, 4), filter)
							start := time.Now()
							if _, err := r.Try("memory.search", q); err != nil {
								b.Fatal(err)
							}
							took = append(took, time.Since(start))
						}
						slices.Sort(took)
						b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
						b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
					})
				}
			})
		}
	}
}
