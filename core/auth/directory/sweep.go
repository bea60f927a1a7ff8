package directory

import (
	"github.com/hivellm/synap-go/core/command"
)

const (
	flushEvery = 60_000 // milliseconds between two records of last uses
	maxFlushed = 4096   // in one record
)

// touched has last uses written down soon, if that is not under way.
func (d *Directory) touched(now int64) {
	if d.flush.CompareAndSwap(0, now+flushEvery) {
		d.env.Wake(now + flushEvery)
	}
}

// Sweep implements command.State: it ends who has expired, forgets tickets, and writes down who called.
func (d *Directory) Sweep(tx *command.Tx) (next int64, err error) {
	now := tx.Now()
	d.tickets.mu.Lock()
	next = d.tickets.sweep(now)
	d.tickets.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	soonest := func(at int64) {
		if next == 0 || at < next {
			next = at
		}
	}
	d.keys.Scan(func(_ string, k *key) bool {
		for _, s := range k.secrets {
			switch until := k.until(s); {
			case until == 0:
			case until > now:
				soonest(until)
			default:
				if _, err := s.principal.Identity(); err == nil {
					s.principal.End(errExpired)
				}
			}
		}
		return true
	})
	switch at := d.flush.Load(); {
	case at == 0:
	case at > now:
		soonest(at)
	case d.writeUsed(tx):
		d.flush.Store(now + flushEvery) // there are more
		soonest(now + flushEvery)
	}
	return next, nil
}

// writeUsed records last uses, and reports whether there were more than one record holds. d.mu is held.
func (d *Directory) writeUsed(tx *command.Tx) (more bool) {
	d.flush.Store(0) // first, so that who calls from here on counts for the next time
	var all []use
	d.keys.Scan(func(_ string, k *key) bool {
		if at := k.used.Load(); at > k.saved {
			all = append(all, use{false, k.id, at})
		}
		return len(all) < maxFlushed
	})
	d.users.Scan(func(name string, u *user) bool {
		if at := u.used.Load(); at > u.saved && len(all) < maxFlushed {
			all = append(all, use{true, name, at})
		}
		return true
	})
	if len(all) > 0 {
		// While the journal takes nothing, last uses are not kept; those that come later are.
		_, _ = tx.Commit(&usedOp{all})
	}
	return len(all) == maxFlushed
}
