package directory

import (
	"container/list"
	"net/netip"
	"sync"
)

// Failed attempts of one address: more than maxFailures within failureWindow milliseconds, and the next ones are refused
// unheard until that is over. When too many addresses fail, the one that began longest ago is forgotten.
const (
	maxFailures   = 30
	failureWindow = 60_000
	maxAddresses  = 10_000
)

// failures counts failed attempts by address. The zero value is ready for use.
type failures struct {
	mu     sync.Mutex
	byAddr map[netip.Addr]*list.Element
	order  list.List // of *failing, by when they began
}

// failing is an address that failed lately.
type failing struct {
	addr  netip.Addr
	since int64 // Unix milliseconds
	count int
}

// site is what counts as one address: whoever has an IPv6 address has 2^64 of them.
func site(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		p, _ := addr.Prefix(64) // it fits
		return p.Addr()
	}
	return addr
}

// book counts a failure, and returns for how many milliseconds the address is to be refused unheard; 0 is not at all.
func (f *failures) book(addr netip.Addr, now int64) (wait int64) {
	addr = site(addr)
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.find(addr, now)
	if at == nil {
		if f.byAddr == nil {
			f.byAddr = map[netip.Addr]*list.Element{}
		}
		if len(f.byAddr) >= maxAddresses {
			f.forget(f.order.Front())
		}
		at = &failing{addr: addr, since: now}
		f.byAddr[addr] = f.order.PushBack(at)
	}
	at.count++
	return at.wait(now)
}

// wait returns for how long the address is to be refused unheard.
func (f *failures) wait(addr netip.Addr, now int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at := f.find(site(addr), now); at != nil {
		return at.wait(now)
	}
	return 0
}

func (a *failing) wait(now int64) int64 {
	if a.count <= maxFailures {
		return 0
	}
	return a.since + failureWindow - now
}

// find returns the address's failures, if there were any lately. f.mu is held.
func (f *failures) find(addr netip.Addr, now int64) *failing {
	e := f.byAddr[addr]
	if e == nil {
		return nil
	}
	at := e.Value.(*failing)
	if at.since+failureWindow <= now {
		f.forget(e)
		return nil
	}
	return at
}

func (f *failures) forget(e *list.Element) { delete(f.byAddr, f.order.Remove(e).(*failing).addr) }
