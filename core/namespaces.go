package core

import (
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
)

// noNamespace is what those are told who may not make one.
func noNamespace(name string) error {
	return fault.New(fault.NotFound, "there is no namespace %q: somebody with admin access makes it with namespace.create, or by using it", name).
		With("namespace", name)
}

// found makes a namespace with quotas of its own, in one record, unless there is one of that name: then it is returned, or
// with fresh AlreadyExists.
func (e *Engine) found(name string, fresh bool, quotas quota.Limits) (space *command.Space, seq uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.spaces.Load(name); ok {
		if fresh {
			return nil, 0, alreadyThere(name)
		}
		return s.(*command.Space), 0, nil
	}
	if len(e.byID) >= MaxNamespaces {
		return nil, 0, fault.New(fault.Exhausted, "there are %d namespaces, and no more are allowed", MaxNamespaces).
			With("limit", MaxNamespaces)
	}
	op := &namespaceOp{id: e.last + 1, name: name}
	rec := journal.Record{}
	rec.Add(journal.Change{Namespace: op.id, Structure: serverID, Op: op})
	if quotas != quota.Own() {
		rec.Add(journal.Change{Namespace: op.id, Structure: serverID, Op: &quotasOp{id: op.id, quotas: quotas}})
	}
	if seq, err = e.journal.Append(&rec); err != nil {
		return nil, 0, fault.From(err)
	}
	space = e.add(op.id, name)
	e.limit(space, quotas)
	return space, seq, nil
}

func alreadyThere(name string) error {
	return fault.New(fault.AlreadyExists, "there is a namespace %q already", name)
}

// drop deletes a namespace, with its record.
func (e *Engine) drop(space *command.Space) (seq uint64, err error) {
	err = e.end(space, func() (err error) {
		rec := journal.Record{}
		rec.Add(journal.Change{Namespace: space.ID, Structure: serverID, Op: &dropOp{id: space.ID, name: space.Name}})
		seq, err = e.journal.Append(&rec)
		return err
	})
	return seq, err
}

// end deletes a namespace once record has put that into the journal.
func (e *Engine) end(space *command.Space, record func() error) error {
	err := space.End(func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if err := record(); err != nil {
			return err
		}
		delete(e.byID, space.ID)
		e.spaces.Delete(space.Name)
		delete(e.own, space.ID)
		return nil
	})
	if err == nil {
		e.dispatcher.Forget(space.ID)
		e.sweeper.forget(space)
	}
	return err
}

// requota gives a namespace other quotas of its own: change makes them of those that it has.
func (e *Engine) requota(space *command.Space, change func(quota.Limits) quota.Limits) (own quota.Limits, seq uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID[space.ID] != space {
		return own, 0, noNamespace(space.Name)
	}
	before := e.ownQuotas(space)
	own = change(before)
	if own == before {
		return own, 0, nil
	}
	rec := journal.Record{}
	rec.Add(journal.Change{Namespace: space.ID, Structure: serverID, Op: &quotasOp{id: space.ID, quotas: own}})
	if seq, err = e.journal.Append(&rec); err != nil {
		return before, 0, fault.From(err)
	}
	e.limit(space, own)
	return own, seq, nil
}

// ownQuotas returns the quotas that a namespace has of its own. e.mu is held.
func (e *Engine) ownQuotas(space *command.Space) quota.Limits {
	if own, ok := e.own[space.ID]; ok {
		return own
	}
	return quota.Own()
}

// limit puts a namespace's own quotas into force. e.mu is held.
func (e *Engine) limit(space *command.Space, own quota.Limits) {
	if own == quota.Own() {
		delete(e.own, space.ID)
	} else {
		e.own[space.ID] = own
	}
	space.Meter.SetLimits(own.Over(e.defaults))
}
