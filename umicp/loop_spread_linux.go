package umicp

import "slices"

// Who sends many requests at a time keeps a loop busy by itself: what is shared by many who have one each, it has alone. And it waits for answers less
// often than others, so that a processor is free. Such sessions are spread over as many loops as there are processors. The others stay with half of them: where
// each has one request at a time, a second loop on two processors took a sixth of what one answered.

const (
	deepTurn = 8  // frames that come at a time are much
	deepMost = 16 // so many turns more with much than without make a session one to be spread, and as many more without undo that
)

// weigh books how many frames came in a turn. Where the answers wait for the disk nothing is gained by another loop: it would have an fsync of its own.
func (p *polled) weigh(frames int) {
	if x := p.session; frames >= deepTurn && len(x.held) == 0 {
		p.deep = min(p.deep+1, deepMost)
	} else {
		p.deep = max(p.deep-1, 0)
	}
}

// settle moves the session to another loop if that is where it belongs by now. The loop that it is among calls it after its turn.
func (p *polled) settle() {
	if !p.looped.Load() || p.again {
		return
	}
	from := p.loop
	switch {
	case !p.spread && p.deep == deepMost:
		to := from.set.leastDeep()
		p.count(to, true)
		if to != from && !p.move(to) {
			p.count(to, false)
		}
	case p.spread && p.deep == 0:
		to := from.set.usually(from)
		p.count(from, false)
		if to != from && !p.move(to) {
			p.count(from, true)
		}
	}
}

// count makes the session one of those that are spread, or not, before it is moved: then it is another's.
func (p *polled) count(l *loop, spread bool) {
	if p.spread = spread; spread {
		l.deep.Add(1)
	} else {
		l.deep.Add(-1)
	}
}

// move gives the session to another loop, if nobody waits to write on it. If it does, this one must not touch it any more.
func (p *polled) move(to *loop) bool {
	from := p.loop
	p.looped.Store(false)
	to.know(p) // before it can be told of it
	if !p.link.move(to) {
		to.forget(p)
		p.looped.Store(true)
		return false
	}
	from.forget(p)
	p.loop, p.session.spares = to, to.spares
	p.back()
	return true
}

// leastDeep returns the loop that has the fewest of those who are spread, of several the one that takes nobody else.
func (ls *loops) leastDeep() *loop {
	least := ls.all[len(ls.all)-1]
	for i := len(ls.all) - 2; i >= 0; i-- {
		if l := ls.all[i]; l.deep.Load() < least.deep.Load() {
			least = l
		}
	}
	return least
}

// usually returns the loop for a session that is not spread any more: the one that it is among, if that takes everybody.
func (ls *loops) usually(from *loop) *loop {
	if slices.Contains(ls.all[:ls.usual()], from) {
		return from
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.turn()
}
