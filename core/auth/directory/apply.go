package directory

import (
	"github.com/hivellm/synap-go/core/journal"
)

// Apply implements command.State. d.mu is held.
func (d *Directory) Apply(_ uint64, op journal.Op) {
	switch op := op.(type) {
	case *keyOp:
		d.putKey(op.key)
	case *userOp:
		d.putUser(op.user)
	case *roleOp:
		d.putRole(op.role.name, op.role)
	case *usedOp:
		d.putUsed(op.used)
	case *dropOp:
		switch op.kind {
		case opNoKey:
			d.dropKey(op.name)
		case opNoUser:
			d.dropUser(op.name)
		default:
			d.putRole(op.name, nil)
		}
	}
}

// Replay implements command.State.
func (d *Directory) Replay(seq uint64, op journal.Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Apply(seq, op)
}

// Undo implements command.State. What is put back ends nothing that goes on; what had to end has ended.
func (d *Directory) Undo(op journal.Op) func() {
	back := func() {}
	switch op := op.(type) {
	case *keyOp:
		back = d.backKey(op.key.id)
	case *userOp:
		back = d.backUser(op.user.name)
	case *roleOp:
		back = d.backRole(op.role.name)
	case *dropOp:
		switch op.kind {
		case opNoKey:
			back = d.backKey(op.name)
		case opNoUser:
			back = d.backUser(op.name)
		default:
			back = d.backRole(op.name)
		}
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		back()
	}
}

func (d *Directory) backKey(id string) func() {
	old, ok := d.byID.Load(id)
	if !ok {
		return func() { d.dropKey(id) }
	}
	return func() { d.putKey(old.(*key)) }
}

func (d *Directory) backUser(name string) func() {
	old, ok := d.users.Get(name)
	if !ok {
		return func() { d.dropUser(name) }
	}
	return func() { d.putUser(old) }
}

func (d *Directory) backRole(name string) func() {
	old, ok := d.roles.Get(name)
	if !ok {
		return func() { d.putRole(name, nil) }
	}
	return func() { d.putRole(name, old) }
}

// putUsed takes in when they last called. d.mu is held.
func (d *Directory) putUsed(all []use) {
	for _, u := range all {
		if u.user {
			if x, ok := d.users.Get(u.name); ok {
				x.saved = max(x.saved, u.at)
				x.used.Store(max(x.used.Load(), u.at))
			}
			continue
		}
		if x, ok := d.byID.Load(u.name); ok {
			k := x.(*key)
			k.saved = max(k.saved, u.at)
			k.used.Store(max(k.used.Load(), u.at))
		}
	}
}
