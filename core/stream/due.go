package stream

import "sync"

// deadlines is a heap of the rooms in which time has something to do, the earliest first. A room's entry may be
// too early, never too late: the sweeper looks what is really due.
type deadlines struct {
	mu sync.Mutex

	heap []*room // room.place is where it is, while room.due is not 0
}

// schedule has the sweeper look at the room at the time, in Unix milliseconds, or sooner; 0 asks for nothing.
// The caller holds the room's lock, or Streams.mu alone.
func (s *Streams) schedule(r *room, at int64) {
	// The sweeper sets due to 0 before it takes the room's lock to look what is next. So whoever holds that lock
	// and sees a due that is soon enough can leave it at that, even if the sweeper is on its way.
	if due := r.due.Load(); at == 0 || (due != 0 && due <= at) {
		return
	}
	if s.due.add(r, at) {
		s.env.Wake(at)
	}
}

// scheduleAppended is schedule after an append: only what events can make due is looked at.
func (s *Streams) scheduleAppended(r *room, op *appendOp) {
	if r.config.maxAge > 0 {
		s.schedule(r, r.ageDue(op.partition))
	}
	if r.dedupe != nil {
		s.schedule(r, r.dedupe.nextDue(r.config.window))
	}
}

// add puts the room in, or moves it, and reports whether it is the earliest now.
func (d *deadlines) add(r *room, at int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.due.Load() == 0 {
		r.place = int32(len(d.heap)) //nolint:gosec // fewer rooms than that
		d.heap = append(d.heap, r)
	}
	r.due.Store(at)
	d.fix(int(r.place))
	return d.heap[0] == r
}

// take removes and returns a room that is due at the time, or nil.
func (d *deadlines) take(now int64) *room {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.heap) == 0 || d.heap[0].due.Load() > now {
		return nil
	}
	r := d.heap[0]
	d.drop(r)
	return r
}

// next is when the first room is due; 0 when none is.
func (d *deadlines) next() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.heap) == 0 {
		return 0
	}
	return d.heap[0].due.Load()
}

// remove takes the room out, if it is in.
func (d *deadlines) remove(r *room) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.due.Load() != 0 {
		d.drop(r)
	}
}

func (d *deadlines) drop(r *room) {
	i, last := int(r.place), len(d.heap)-1
	d.swap(i, last)
	d.heap[last] = nil
	d.heap = d.heap[:last]
	r.due.Store(0)
	if i < last {
		d.fix(i)
	}
}

func (d *deadlines) less(i, j int) bool { return d.heap[i].due.Load() < d.heap[j].due.Load() }

func (d *deadlines) swap(i, j int) {
	h := d.heap
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = int32(i), int32(j) //nolint:gosec // fewer rooms than that
}

// fix moves an entry whose time has changed to where it belongs.
func (d *deadlines) fix(i int) {
	for i > 0 && d.less(i, (i-1)/2) {
		d.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(d.heap); child++ {
			if d.less(child, least) {
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
