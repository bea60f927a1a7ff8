package directory

import (
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// A saved entry is a role, a user or a key. Numbers and encodings are permanent:
//
//	┌─────────────────────────┬──────────────────────────────────────────┐
//	│ 5, 3 or 1, u8: the kind │ as of the op of that kind (op.go) … end  │
//	└─────────────────────────┴──────────────────────────────────────────┘
//
// A record that is replayed over entries sets a role, user or key as a whole, so the last one wins whatever was saved.

// saveItems bounds one call of Save. It is a variable so that tests can make every boundary a common one.
var saveItems = 256

// Parts implements command.State.
func (d *Directory) Parts() int { return 1 }

// Save implements command.State: roles, then users, then keys. from is the kind, and the name to go on with.
func (d *Directory) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	if from == nil {
		from = []byte{opRole}
	}
	kind, pivot := from[0], string(from[1:])
	d.mu.RLock()
	defer d.mu.RUnlock()
	left := saveItems
	var entry []byte
	last := ""
	one := func(name string, op interface{ AppendTo(b []byte) []byte }) bool {
		if left == 0 {
			return false
		}
		entry = op.AppendTo(append(entry[:0], kind))
		add(entry)
		left--
		last = name
		return true
	}
	switch kind {
	case opRole:
		d.roles.Ascend(pivot, func(name string, r *role) bool { return one(name, &roleOp{r}) })
	case opUser:
		d.users.Ascend(pivot, func(name string, u *user) bool { return one(name, &userOp{u}) })
	default:
		d.keys.Ascend(pivot, func(name string, k *key) bool { return one(name, &keyOp{k}) })
	}
	switch {
	case left == 0:
		return append([]byte{kind}, last+"\x00"...)
	case kind == opRole:
		return []byte{opUser}
	case kind == opUser:
		return []byte{opKey}
	}
	return nil
}

// Restore implements command.State.
func (d *Directory) Restore(entry []byte) error {
	if len(entry) == 0 || (entry[0] != opKey && entry[0] != opUser && entry[0] != opRole) {
		return fault.New(fault.Corrupt, "a saved key, user or role cannot be read")
	}
	op, err := decodeOp(entry[0], entry[1:])
	if err != nil {
		return err
	}
	d.Replay(0, op)
	return nil
}

// Stats implements command.State.
func (d *Directory) Stats() command.Usage {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n := int64(d.keys.Len() + d.users.Len() + d.roles.Len())
	return command.Usage{Items: n, Bytes: n * aboutEach}
}

// aboutEach is about how much memory a key, user or role takes, in bytes.
const aboutEach = 2048
