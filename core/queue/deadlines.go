package queue

// timed is what waits for a time and knows its place in a heap.
type timed interface {
	when() int64
	where() *int32
}

// deadlines is a heap by time, the earliest first. Everything in it knows its place, so that a new time moves
// it and leaves nothing stale behind.
type deadlines[T timed] []T

// next is the earliest time; 0 when there is none.
func (d deadlines[T]) next() int64 {
	if len(d) == 0 {
		return 0
	}
	return d[0].when()
}

func (d *deadlines[T]) add(x T) {
	*x.where() = int32(len(*d)) //nolint:gosec // a queue holds no more than a billion
	*d = append(*d, x)
	d.up(len(*d) - 1)
}

func (d *deadlines[T]) remove(x T) {
	h := *d
	i, last := int(*x.where()), len(h)-1
	h.swap(i, last)
	clear(h[last:])
	*d = h[:last]
	if i < last {
		h[:last].settle(i)
	}
}

// fix puts x where its time belongs now.
func (d deadlines[T]) fix(x T) { d.settle(int(*x.where())) }

func (d deadlines[T]) settle(i int) {
	d.up(i)
	d.down(i)
}

func (d deadlines[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if d[parent].when() <= d[i].when() {
			return
		}
		d.swap(i, parent)
		i = parent
	}
}

func (d deadlines[T]) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(d); child++ {
			if d[child].when() < d[least].when() {
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

func (d deadlines[T]) swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	*d[i].where(), *d[j].where() = *d[j].where(), *d[i].where()
}

// overdue calls f for everything whose time has come, in no order, until f returns false.
func (d deadlines[T]) overdue(now int64, f func(T) bool) { d.overdueFrom(0, now, f) }

func (d deadlines[T]) overdueFrom(i int, now int64, f func(T) bool) bool {
	if i >= len(d) || d[i].when() > now {
		return true
	}
	return f(d[i]) && d.overdueFrom(2*i+1, now, f) && d.overdueFrom(2*i+2, now, f)
}
