// Package kv is the key-value store: ordered, versioned keys that may expire.
//
// A key holds one value of text, JSON or bytes, the version that wrote it and
// perhaps a deadline. Keys live in shards by hash; a shard's lock guards its keys,
// their order and their deadlines, and whoever needs several shards locks them in
// ascending order. Handlers decide under those locks and commit ops; only Apply
// changes a key, so recovery and replicas run the same code.
//
// A key is gone the moment its deadline comes: readers and writers look at the
// clock and take a dead key for absent. The sweeper only frees its memory and tells
// followers. The store starts no goroutine, keeps no file, and knows no door.
package kv

import (
	"fmt"

	"github.com/hivellm/synap-go/core/command"
)

// The structure's name and its permanent number.
const (
	structureName = "kv"
	structureID   = 1
)

// Defaults and bounds of Options.
const (
	DefaultMaxKeyBytes   = 1024
	DefaultMaxValueBytes = 16 << 20

	largestMaxKeyBytes   = 64 << 10
	largestMaxValueBytes = 512 << 20
)

// Options bound what a store takes. The zero Options are the defaults.
type Options struct {
	MaxKeyBytes   int // of one key; 0 is 1024, at most 64 KiB
	MaxValueBytes int // of one value's data; 0 is 16 MiB, at most 512 MiB
}

// Validate reports which field is out of bounds.
func (o Options) Validate() error {
	switch {
	case o.MaxKeyBytes < 0 || o.MaxKeyBytes > largestMaxKeyBytes:
		return fmt.Errorf("MaxKeyBytes: %d is not between 0 and %d", o.MaxKeyBytes, largestMaxKeyBytes)
	case o.MaxValueBytes < 0 || o.MaxValueBytes > largestMaxValueBytes:
		return fmt.Errorf("MaxValueBytes: %d is not between 0 and %d", o.MaxValueBytes, largestMaxValueBytes)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.MaxKeyBytes == 0 {
		o.MaxKeyBytes = DefaultMaxKeyBytes
	}
	if o.MaxValueBytes == 0 {
		o.MaxValueBytes = DefaultMaxValueBytes
	}
	return o
}

// Structure declares the store. It panics on options that Validate refuses.
func Structure(o Options) *command.Structure {
	if err := o.Validate(); err != nil {
		panic("kv: " + err.Error())
	}
	o = o.withDefaults()
	return &command.Structure{
		Name: structureName, ID: structureID,
		Summary:  "Keys that hold text, JSON or bytes, in order, with versions and time to live.",
		Commands: commands(),
		Things: &command.Things{Kind: "keys", Base: structureName, List: "kv.list", Name: "key", Separator: ":", Count: "kv.count", Clear: map[string]command.Clearing{
			"empty": {Command: "kv.clear", Field: "prefix", With: map[string]any{"confirm": true}},
		}},
		Condition: condition,
		New:       func(env command.Env) command.State { return newStore(env, o) },
		DecodeOp:  decodeOp,
	}
}
