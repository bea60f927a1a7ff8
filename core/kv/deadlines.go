package kv

// deadlines is a heap of the items that have a deadline, the earliest first. Every item knows its place in
// it, so that a new deadline moves the item and leaves nothing stale behind.
type deadlines []*item

// next is the earliest deadline; 0 when there is none.
func (d deadlines) next() int64 {
	if len(d) == 0 {
		return 0
	}
	return d[0].expires
}

// schedule gives the item a deadline, or takes it away with 0. It returns the deadline if it is now earlier
// than all there were, else 0.
func (d *deadlines) schedule(it *item, at int64) (earliest int64) {
	had := it.expires != 0
	if !had && at == 0 {
		return 0
	}
	first := d.next()
	it.expires = at
	switch {
	case at == 0:
		d.drop(int(it.place))
		return 0
	case had:
		d.fix(int(it.place))
	default:
		it.place = int32(len(*d)) //nolint:gosec // a shard with as many keys does not fit into memory
		*d = append(*d, it)
		d.up(int(it.place))
	}
	if first == 0 || at < first {
		return at
	}
	return 0
}

func (d *deadlines) drop(i int) {
	h := *d
	last := len(h) - 1
	h.swap(i, last)
	h[last] = nil
	*d = h[:last]
	if i < last {
		d.fix(i)
	}
}

func (d deadlines) fix(i int) {
	d.up(i)
	d.down(i)
}

func (d deadlines) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if d[parent].expires <= d[i].expires {
			return
		}
		d.swap(i, parent)
		i = parent
	}
}

func (d deadlines) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(d); child++ {
			if d[child].expires < d[least].expires {
				least = child
			}
		}
		if least == i {
			return
		}
		d.swap(i, least)
		i = least
	}
}

func (d deadlines) swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = int32(i), int32(j) //nolint:gosec // as above
}

// overdue calls f for every item that is dead, in no order, until f returns false. It looks at no others but
// the first ones alive.
func (d deadlines) overdue(now int64, f func(*item) bool) { d.overdueFrom(0, now, f) }

func (d deadlines) overdueFrom(i int, now int64, f func(*item) bool) bool {
	if i >= len(d) || !d[i].dead(now) {
		return true
	}
	return f(d[i]) && d.overdueFrom(2*i+1, now, f) && d.overdueFrom(2*i+2, now, f)
}
