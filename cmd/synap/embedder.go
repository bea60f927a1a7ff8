package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/memory/embed"
	"github.com/hivellm/synap-go/vector/text"
)

// embedderKey is the environment's name for the embedder's key. It is a secret, so no flag and no file can hold it.
const embedderKey = "SYNAP_EMBEDDER_API_KEY"

// EmbedderConfig says where the vectors of texts come from.
type EmbedderConfig struct {
	Kind           string        `mapstructure:"kind"` // none, openai or ollama
	URL            string        `mapstructure:"url"`
	Model          string        `mapstructure:"model"`
	Dimension      int           `mapstructure:"dimension"`       // 0 is what the first vector has
	Timeout        time.Duration `mapstructure:"timeout"`         // of one try of a call
	Patience       time.Duration `mapstructure:"patience"`        // how long a command waits
	CacheBytes     int64         `mapstructure:"cache_bytes"`     // of vectors kept
	QueryPrefix    string        `mapstructure:"query_prefix"`    // put before what is looked for
	DocumentPrefix string        `mapstructure:"document_prefix"` // put before what is to be found
}

// options are what the configuration says of the embedder, with the key.
func (e *EmbedderConfig) options() embed.Options {
	return embed.Options{
		Kind: e.Kind, URL: e.URL, Model: e.Model, Key: os.Getenv(embedderKey), Dimension: e.Dimension,
		Timeout: e.Timeout, Patience: e.Patience, CacheBytes: e.CacheBytes,
		QueryPrefix: e.QueryPrefix, DocumentPrefix: e.DocumentPrefix,
	}
}

// validateEmbedder refuses nonsense about the embedder and the language of texts.
func (c *Config) validateEmbedder() error {
	service, err := embed.New(c.Embedder.options())
	if err != nil {
		return fault.New(fault.Invalid, "embedder.%v", err)
	}
	closeEmbedder(service)
	if known := text.Languages(); c.Language != "none" && !slices.Contains(known, c.Language) {
		return fault.New(fault.Invalid, "language: %q is none of %s, or none", c.Language, strings.Join(known, ", "))
	}
	return nil
}

// newMemory is what memories are made with. Its embedder is closed by whoever asked for it.
func (c *Config) newMemory() (memory.Options, error) {
	service, err := embed.New(c.Embedder.options())
	return memory.Options{Embedder: service, Language: c.Language}, err
}

// closeEmbedder ends what an embedder is about; there may be none.
func closeEmbedder(service *embed.Service) {
	if service != nil {
		service.Close()
	}
}

// embedding is the part of a server that ends with its embedder.
func embedding(service *embed.Service) func(context.Context) error {
	return until(func(context.Context) error {
		closeEmbedder(service)
		return nil
	})
}
