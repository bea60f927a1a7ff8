package core

import (
	"encoding/binary"
	"regexp"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// The kinds of the engine's own ops, which are those of structure 0. The numbers are permanent, and so are the
// encodings. id is the namespace's number.
//
//	namespace  ┌─────────┬────────┐
//	(1)        │ id, u32 │ name … │
//	           └─────────┴────────┘
//	quotas     ┌─────────┬─────────────────────────────────────┐   what is not listed is the server's default;
//	(2)        │ id, u32 │ number, uv; limit, uv; … to the end │   0 is no limit; numbers rise
//	           └─────────┴─────────────────────────────────────┘
//	drop       ┌─────────┬────────┐
//	(3)        │ id, u32 │ name … │
//	           └─────────┴────────┘
//
// Numbers are little-endian; uv is an unsigned varint.
const (
	opNamespace = 1
	opQuotas    = 2
	opDrop      = 3
)

// engineOp is an op of the engine itself: it knows how to be applied, and is applied when all before it were.
type engineOp interface {
	journal.Op
	replay(e *Engine) error
}

// namespaceOp records that a namespace came to be.
type namespaceOp struct {
	id   uint32
	name string
}

// Kind implements journal.Op, as do the following methods.
func (op *namespaceOp) Kind() byte { return opNamespace }

// AppendTo writes the box above.
func (op *namespaceOp) AppendTo(b []byte) []byte { return appendNamed(b, op.id, op.name) }

// Target is the name.
func (op *namespaceOp) Target() (string, bool) { return op.name, false }

// Size counts the name.
func (op *namespaceOp) Size() int { return 48 + len(op.name) }

// replay makes the namespace, unless its number was given out before: then it is there, or it was deleted.
func (op *namespaceOp) replay(e *Engine) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if op.id <= e.last {
		return nil
	}
	if _, taken := e.spaces.Load(op.name); taken {
		return fault.New(fault.Corrupt, "namespace %d has the name of another, %q", op.id, op.name)
	}
	e.add(op.id, op.name)
	return nil
}

// quotasOp gives a namespace its quotas, all of them.
type quotasOp struct {
	id     uint32
	quotas quota.Limits // of which Unset ones are the server's defaults
}

// Kind implements journal.Op, as do the following methods.
func (op *quotasOp) Kind() byte { return opQuotas }

// AppendTo writes the box above.
func (op *quotasOp) AppendTo(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, op.id)
	for _, q := range quota.All() {
		if limit := op.quotas[q]; limit != quota.Unset {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(q)), uint64(limit)) //nolint:gosec // not negative
		}
	}
	return b
}

// Target is nothing that anybody follows.
func (op *quotasOp) Target() (string, bool) { return "", false }

// Size counts the limits.
func (op *quotasOp) Size() int { return 48 + 8*len(op.quotas) }

func (op *quotasOp) replay(e *Engine) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if op.id == 0 || op.id > e.last {
		return fault.New(fault.Corrupt, "there are quotas of namespace %d, which does not exist", op.id)
	}
	if space := e.byID[op.id]; space != nil {
		e.limit(space, op.quotas)
	}
	return nil
}

// dropOp deletes a namespace with everything in it.
type dropOp struct {
	id   uint32
	name string
}

// Kind implements journal.Op, as do the following methods.
func (op *dropOp) Kind() byte { return opDrop }

// AppendTo writes the box above.
func (op *dropOp) AppendTo(b []byte) []byte { return appendNamed(b, op.id, op.name) }

// Target is the name.
func (op *dropOp) Target() (string, bool) { return op.name, false }

// Size counts the name.
func (op *dropOp) Size() int { return 48 + len(op.name) }

func (op *dropOp) replay(e *Engine) error {
	e.mu.Lock()
	space := e.byID[op.id]
	known := op.id > e.home.ID && op.id <= e.last
	e.mu.Unlock()
	switch {
	case !known:
		return fault.New(fault.Corrupt, "namespace %d is deleted, which does not exist", op.id)
	case space == nil:
		return nil
	}
	return e.end(space, func() error { return nil })
}

var namespaceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func checkNamespace(name string) error {
	if namespaceName.MatchString(name) {
		return nil
	}
	return fault.New(fault.Invalid,
		"%q cannot be a namespace: 1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit", name)
}

func appendNamed(b []byte, id uint32, name string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, id), name...)
}

func decodeOp(kind byte, data []byte) (journal.Op, error) {
	corrupt := fault.New(fault.Corrupt, "a server op of kind %d cannot be read", kind)
	if len(data) < 4 {
		return nil, corrupt
	}
	id, rest := binary.LittleEndian.Uint32(data), data[4:]
	switch {
	case id == 0:
		return nil, corrupt
	case kind == opNamespace && namespaceName.Match(rest):
		return &namespaceOp{id: id, name: string(rest)}, nil
	case kind == opDrop && namespaceName.Match(rest):
		return &dropOp{id: id, name: string(rest)}, nil
	case kind == opQuotas:
		if quotas, ok := decodeQuotas(rest); ok {
			return &quotasOp{id: id, quotas: quotas}, nil
		}
	}
	return nil, corrupt
}

// decodeQuotas reads the list of a quotas op: quotas that there are, each once, by number.
func decodeQuotas(b []byte) (quotas quota.Limits, ok bool) {
	quotas = quota.Own()
	for last := uint64(0); len(b) > 0; {
		number, n := binary.Uvarint(b)
		if n <= 0 || number <= last || number >= uint64(len(quotas)) {
			return quotas, false
		}
		limit, m := binary.Uvarint(b[n:])
		if m <= 0 || limit > quota.MaxLimit {
			return quotas, false
		}
		quotas[number], last = int64(limit), number //nolint:gosec // at most MaxLimit
		b = b[n+m:]
	}
	return quotas, true
}

var _ = [...]engineOp{&namespaceOp{}, &quotasOp{}, &dropOp{}}
