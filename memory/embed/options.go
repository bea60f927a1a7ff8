package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The kinds of endpoint.
const (
	None   = "none"   // there is none
	OpenAI = "openai" // POST …/embeddings
	Ollama = "ollama" // POST …/api/embed
)

// MaxDimension is the most dimensions that a vector may have.
const MaxDimension = 8192

// Options say where vectors come from. The zero Options are for none.
type Options struct {
	Kind  string // None, OpenAI or Ollama; "" is None
	URL   string // where the endpoint is, with or without its own path: https://api.openai.com/v1, http://127.0.0.1:11434
	Model string // which of its models; required unless Kind is None
	Key   string // sent as a bearer token; "" sends none

	Dimension int // how many dimensions the vectors must have; 0 is what the first one has

	QueryPrefix, DocumentPrefix string // put in front of texts, for models that were trained so

	Timeout  time.Duration // of one try of a call; 0 is 10 s
	Patience time.Duration // how long a command waits for a vector; 0 is 2 s

	CacheBytes int64 // of vectors kept; 0 is 32 MiB

	Transport http.RoundTripper // nil is the standard one
}

func (o *Options) validate() error {
	if o.Kind == "" {
		o.Kind = None
	}
	switch {
	case o.Kind == None:
		return nil
	case shapes[o.Kind] == nil:
		return fmt.Errorf("kind: %q is none of none, openai, ollama", o.Kind)
	case o.Model == "":
		return fmt.Errorf("model: it is required with kind %s", o.Kind)
	case o.Dimension < 0 || o.Dimension > MaxDimension:
		return fmt.Errorf("dimension: %d is not between 0 and %d", o.Dimension, MaxDimension)
	case o.Timeout < 0 || o.Patience < 0 || o.CacheBytes < 0:
		return fmt.Errorf("timeout, patience and cache_bytes: none of them may be negative")
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Second
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 32 << 20
	}
	return o.aim()
}

// aim makes of URL the one that is posted to.
func (o *Options) aim() error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("url: it is not an address like %s", shapes[o.Kind].example())
	case u.User != nil:
		return fmt.Errorf("url: it holds a secret; the environment is the place for it")
	}
	path := shapes[o.Kind].path()
	if !strings.HasSuffix(u.Path, path) {
		u.Path = strings.TrimSuffix(u.Path, "/") + path
	}
	o.URL = u.String()
	return nil
}

func (o *Options) prefix(p Purpose) string {
	if p == Query {
		return o.QueryPrefix
	}
	return o.DocumentPrefix
}

// fullModel is the model and what else decides about the vectors of documents.
func (o *Options) fullModel() string {
	if o.DocumentPrefix == "" {
		return o.Model
	}
	sum := sha256.Sum256([]byte(o.DocumentPrefix))
	return o.Model + "#" + hex.EncodeToString(sum[:4])
}
