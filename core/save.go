package core

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The engine's own parts in a snapshot. The numbers are permanent.
const (
	partNamespaces = 0 // entries as namespaceOp.AppendTo writes them
	partAnswers    = 1 // entries as Dispatcher.SaveAnswers writes them
	partNumber     = 2 // one entry, the highest number that was ever given out, u32; there if that namespace is not
	partQuotas     = 3 // entries as quotasOp.AppendTo writes them
)

// Save hands everything that the engine holds to put, as chunks of entries, while commands go on: the namespaces
// first, then one structure of one namespace after the other. put keeps nothing of a chunk. An engine that is given all
// chunks, and then every record since before Save was called, holds what this one does.
func (e *Engine) Save(ctx context.Context, put func(at journal.Place, chunk []byte) error) error {
	var chunk []byte
	add := func(entry []byte) { chunk = journal.AppendEntry(chunk, entry) }
	flush := func(at journal.Place) error {
		if err := ctx.Err(); err != nil || len(chunk) == 0 {
			return err
		}
		err := put(at, chunk)
		chunk = chunk[:0]
		return err
	}
	spaces, last, quotas := e.listed()
	for _, space := range spaces {
		add((&namespaceOp{id: space.ID, name: space.Name}).AppendTo(nil))
	}
	if err := flush(journal.Place{Part: partNamespaces}); err != nil {
		return err
	}
	if spaces[len(spaces)-1].ID != last {
		add(binary.LittleEndian.AppendUint32(nil, last))
	}
	if err := flush(journal.Place{Part: partNumber}); err != nil {
		return err
	}
	for _, op := range quotas {
		add(op.AppendTo(nil))
	}
	if err := flush(journal.Place{Part: partQuotas}); err != nil {
		return err
	}
	for _, space := range spaces {
		for place, structure := range e.table.Structures() {
			if structure.Global && space != e.home {
				continue // the same state again
			}
			for part := range space.States[place].Parts() {
				at := journal.Place{Namespace: space.ID, Structure: structure.ID, Part: uint16(part)} //nolint:gosec // a few dozen
				var next []byte
				for more := true; more; more = next != nil {
					next = space.Save(place, part, next, add)
					if err := flush(at); err != nil {
						return err
					}
				}
			}
		}
	}
	// Last, so that an answer is never older than what it tells of; and once every call that had a number when this began
	// has left its answer, however long it still waits for the disk.
	for _, space := range spaces {
		space.Pass()
	}
	e.dispatcher.SaveAnswers(func(entry []byte) { add(entry) })
	return flush(journal.Place{Part: partAnswers})
}

// listed returns every namespace in the order in which they came to be, the highest number that one ever had, and the
// quotas that they have of their own: all as of one moment.
func (e *Engine) listed() (spaces []*command.Space, last uint32, quotas []*quotasOp) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, space := range e.byID {
		spaces = append(spaces, space)
	}
	slices.SortFunc(spaces, func(a, b *command.Space) int { return cmp.Compare(a.ID, b.ID) })
	for _, space := range spaces {
		if own, ok := e.own[space.ID]; ok {
			quotas = append(quotas, &quotasOp{id: space.ID, quotas: own})
		}
	}
	return spaces, e.last, quotas
}

// Restore takes in a chunk that Save handed out. The engine's own chunks come first; those of one place come in
// order, those of different places may come at the same time.
func (e *Engine) Restore(at journal.Place, chunk []byte) error {
	restore, err := e.restorer(at)
	if err != nil {
		return err
	}
	for len(chunk) > 0 {
		entry, rest, ok := journal.NextEntry(chunk)
		if !ok {
			return fault.New(fault.Corrupt, "a chunk of entries cannot be read")
		}
		if err := restore(entry); err != nil {
			return err
		}
		chunk = rest
	}
	return nil
}

// restorer returns what takes in the entries of a place.
func (e *Engine) restorer(at journal.Place) (func(entry []byte) error, error) {
	switch at {
	case journal.Place{Part: partNamespaces}:
		return e.restoreOp(opNamespace), nil
	case journal.Place{Part: partQuotas}:
		return e.restoreOp(opQuotas), nil
	case journal.Place{Part: partNumber}:
		return e.restoreNumber, nil
	case journal.Place{Part: partAnswers}:
		return e.dispatcher.RestoreAnswer, nil
	}
	state, err := e.state(at.Namespace, at.Structure)
	if err != nil || state == nil {
		return nil, fault.New(fault.Corrupt, "there are entries of structure %d of namespace %d, which does not exist",
			at.Structure, at.Namespace)
	}
	return state.Restore, nil
}

// restoreOp takes in an entry that is an op of the engine's own.
func (e *Engine) restoreOp(kind byte) func(entry []byte) error {
	return func(entry []byte) error {
		op, err := decodeOp(kind, entry)
		if err != nil {
			return err
		}
		return op.(engineOp).replay(e)
	}
}

// restoreNumber takes in the highest number that was ever given out.
func (e *Engine) restoreNumber(entry []byte) error {
	if len(entry) != 4 {
		return fault.New(fault.Corrupt, "the number of the last namespace cannot be read")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = max(e.last, binary.LittleEndian.Uint32(entry))
	return nil
}

// Digest is a fingerprint of everything that the engine holds: equal for engines that hold the same, in whatever
// order they came by it.
func (e *Engine) Digest() (digest uint64) {
	_ = e.Save(context.Background(), func(at journal.Place, chunk []byte) error { // it fails when put does
		for len(chunk) > 0 {
			entry, rest, _ := journal.NextEntry(chunk)
			h := fnv.New64a()
			_, _ = h.Write([]byte{byte(at.Namespace), byte(at.Namespace >> 8), byte(at.Namespace >> 16), byte(at.Namespace >> 24), at.Structure})
			_, _ = h.Write(entry)
			digest += h.Sum64()
			chunk = rest
		}
		return nil
	})
	return digest
}
