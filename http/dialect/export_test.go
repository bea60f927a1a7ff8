package dialect

import "strconv"

// KeepLeases remembers so many leases where at most most are, and returns how many are left.
func KeepLeases(most, n int, ends int64) int {
	l := &leases{most: most, byID: map[leaseID]lease{}}
	for i := range n {
		l.keep(leaseID{"default", "q", strconv.Itoa(i)}, lease{receipt: strconv.Itoa(i), ends: ends})
	}
	return len(l.byID)
}

// SettleLater says whether a lease is still remembered when the one before it of the same message is settled.
func SettleLater() bool {
	l := &leases{most: 10, byID: map[leaseID]lease{}}
	id := leaseID{"default", "q", "1"}
	first := lease{receipt: "first", ends: 1 << 60}
	l.keep(id, first)
	l.keep(id, lease{receipt: "second", ends: 1 << 60})
	l.forget(id, first)
	_, ok := l.find(id)
	return ok
}
