package memory

import (
	"context"
	"time"

	"github.com/hivellm/synap-go/core/auth"
)

// StatsRequest has no fields.
type StatsRequest struct{}

// Resource is all of it.
func (*StatsRequest) Resource() auth.Resource { return auth.Any("memory") }

// StatsResponse is how much is remembered, and how the embedder does.
type StatsResponse struct {
	Memories    int   `json:"memories" jsonschema:"how many there are"`
	Collections int   `json:"collections" jsonschema:"in how many collections"`
	Bytes       int64 `json:"bytes" jsonschema:"about how much memory they take, with their indexes"`
	Waiting     int   `json:"waiting" jsonschema:"how many wait for a vector of the embedder's model"`

	Embedder EmbedderStatus `json:"embedder"`
}

// EmbedderStatus is how the embedder does.
type EmbedderStatus struct {
	Kind      string `json:"kind" jsonschema:"none, openai or ollama"`
	Model     string `json:"model,omitempty"`
	Dimension int    `json:"dimension,omitempty" jsonschema:"of its vectors; absent until the first"`
	Trouble   string `json:"trouble,omitempty" jsonschema:"why it did not answer the last time; absent when it did"`
	RetryAt   string `json:"retry_at,omitempty" jsonschema:"when it is asked again, RFC 3339"`
}

func (s *Memories) stats(context.Context, *StatsRequest) (StatsResponse, error) {
	s.mu.RLock()
	resp := StatsResponse{Memories: len(s.items), Collections: s.collections.Len(), Bytes: s.weight(), Waiting: s.waiting.Len()}
	s.mu.RUnlock()
	resp.Embedder.Kind = "none"
	if s.embedder == nil {
		return resp, nil
	}
	st := s.embedder.Status()
	resp.Embedder = EmbedderStatus{Kind: st.Kind, Model: st.Model, Dimension: st.Dimension}
	if st.Trouble != nil {
		resp.Embedder.Trouble = st.Trouble.Error()
	}
	if !st.Retry.IsZero() {
		resp.Embedder.RetryAt = st.Retry.UTC().Format(time.RFC3339)
	}
	return resp, nil
}
