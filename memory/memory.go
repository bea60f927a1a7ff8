// Package memory is what agents remember: texts in collections, found again by meaning and by words.
//
// A memory is a text with what its writer said about it (metadata, a source), who stored it and when. Each collection has a full-text index, which
// ranks always. Where the server has an embedder, each text gets a vector besides, and a search ranks by both. Embedding happens on the network, so
// it never happens under a lock or behind the gate: a command asks, gives its place back while it waits, and after a short time does without. A text
// that has no vector of the embedder's model yet waits for one; the sweeper hands such texts to the embedder in batches and commits the vectors
// like any other change. So a store never fails for the embedder's sake, and what a search could not use is said in its answer.
//
// A Memories is the state of one namespace. Its mu is held while memories change, and shared while they are read. What it knows of one memory never
// changes: a change puts another in its place. Texts are data; nothing here reads them but to find them.
package memory

import (
	"sync"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/memory/embed"
	"github.com/hivellm/synap-go/vector/text"
)

// ID is the structure's permanent number.
const ID = 0x0C

// Limits of one namespace; past them the caller gets Exhausted.
const (
	MaxMemories    = 1_000_000
	MaxCollections = 10_000
)

// Limits of one memory; past them the caller gets TooLarge.
const (
	MaxTextBytes       = 16 << 10 // so that a whole one fits into the answer of a tool
	MaxMetadataBytes   = 8 << 10
	MaxSourceBytes     = 256
	MaxCollectionBytes = 128
)

// DefaultCollection is where memories go that name no collection.
const DefaultCollection = "default"

// Options say what all namespaces share.
type Options struct {
	Embedder *embed.Service // nil: searches rank by words alone
	Language string         // whose endings the words of texts have; see text.Options
}

// Structure returns the declaration of memories. It panics over a language that text does not know: whoever reads configuration checks it.
func Structure(o Options) *command.Structure {
	analyzer, err := text.NewAnalyzer(text.Options{Language: o.Language})
	if err != nil {
		panic(err)
	}
	return &command.Structure{
		Name: "memory", ID: ID,
		Summary:  "Memories: texts that agents store and find again by meaning and by words.",
		Commands: commands(),
		Things: &command.Things{Kind: "memories", List: "memory.collections", Name: "name", Clear: map[string]command.Clearing{
			"drop": {Command: "memory.clear", Field: "collection"},
		}},
		New:      func(env command.Env) command.State { return newMemories(env, o.Embedder, analyzer) },
		DecodeOp: decodeOp,
	}
}

// Memories is what one namespace remembers.
type Memories struct {
	env      command.Env
	analyzer *text.Analyzer
	embedder *embed.Service // nil when there is none
	model    string         // of the embedder; "" when there is none
	fill     filler         // texts on their way to the embedder and vectors on their way back; has a lock of its own

	mu sync.RWMutex

	last        uint64                         // the highest number that a memory ever had; none is given out twice
	items       map[uint64]*item               // by number
	collections btree.Map[string, *collection] // by name; none is empty
	deadlines   *btree.BTreeG[deadline]        // of the memories that expire
	waiting     btree.Map[uint64, int64]       // numbers of memories without a vector of the model -> not before then, Unix milliseconds
	kinds       map[string]*metadata           // every different metadata that a memory has
	bytes       int64                          // of all memories, as item.size says
}

// deadline is when a memory expires. Invariant: each memory with expires has just this one.
type deadline struct {
	at     int64
	number uint64
}

func newMemories(env command.Env, e *embed.Service, a *text.Analyzer) *Memories {
	s := &Memories{
		env: env, analyzer: a, embedder: e, items: map[uint64]*item{}, kinds: map[string]*metadata{},
		deadlines: btree.NewBTreeGOptions(func(a, b deadline) bool {
			return a.at < b.at || a.at == b.at && a.number < b.number
		}, btree.Options{NoLocks: true}),
	}
	if e != nil {
		s.model = e.Model()
	}
	return s
}

// wake asks for a sweep at the time.
func (s *Memories) wake(at int64) {
	if s.env.Wake != nil {
		s.env.Wake(at)
	}
}

// Stats implements command.State.
func (s *Memories) Stats() command.Usage {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return command.Usage{Items: int64(len(s.items)), Bytes: s.weight()}
}

// weight is about how much memory everything takes. s.mu is held.
func (s *Memories) weight() int64 {
	n := s.bytes
	s.collections.Scan(func(_ string, c *collection) bool {
		if n += c.words.Bytes(); c.vectors != nil {
			n += int64(c.vectors.Bytes())
		}
		return true
	})
	return n
}
