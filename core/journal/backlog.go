package journal

// How much of the recent past is kept for watches to resume from; whichever bound is met first.
const (
	DefaultBacklogRecords = 32_768
	DefaultBacklogBytes   = 32 << 20
)

// Backlog is the newest records of a journal, in memory, bounded by their number and by what they hold on to. Its
// owner sees to it that one goroutine uses it at a time.
type Backlog struct {
	last       uint64   // the newest record's number; the numbers have no gaps
	ring       []Record // the newest records, the record n at ring[n % len(ring)]; a power of two long
	count      int      // how many of them there are
	bytes      int      // what they hold on to
	maxRecords int
	maxBytes   int
}

// NewBacklog returns an empty backlog; the first record that is pushed follows after. Zero bounds are the defaults.
func NewBacklog(after uint64, maxRecords, maxBytes int) *Backlog {
	if maxRecords <= 0 {
		maxRecords = DefaultBacklogRecords
	}
	if maxBytes <= 0 {
		maxBytes = DefaultBacklogBytes
	}
	return &Backlog{last: after, maxRecords: maxRecords, maxBytes: maxBytes, ring: make([]Record, 64)}
}

// Last is the number of the newest record.
func (b *Backlog) Last() uint64 { return b.last }

// Oldest is the position before the oldest record that is held.
func (b *Backlog) Oldest() uint64 { return b.last - uint64(b.count) } //nolint:gosec // never more than there were

// Push adds the next record, and lets the oldest go when there is no room; the newest always stays.
func (b *Backlog) Push(rec *Record) {
	b.last++
	if b.count == len(b.ring) && b.count < b.maxRecords {
		b.grow()
	}
	for b.count > 0 && (b.count == len(b.ring) || b.count >= b.maxRecords || b.bytes+rec.size > b.maxBytes) {
		slot := &b.ring[b.index(b.last-uint64(b.count))] //nolint:gosec // as above
		b.bytes -= slot.size
		*slot = Record{}
		b.count--
	}
	b.ring[b.index(b.last)] = *rec
	b.count++
	b.bytes += rec.size
}

// ReadAfter fills dst with the records that follow seq. ok is false when the record after seq is not, or not yet, held.
func (b *Backlog) ReadAfter(seq uint64, dst []Record) (n int, ok bool) {
	if seq < b.Oldest() || seq > b.last {
		return 0, false
	}
	for n < len(dst) && seq < b.last {
		seq++
		dst[n] = b.ring[b.index(seq)]
		n++
	}
	return n, true
}

// index is where the record of that number is, or would be.
func (b *Backlog) index(seq uint64) uint64 { return seq % uint64(len(b.ring)) }

// grow doubles the ring, so that an idle server holds a small one.
func (b *Backlog) grow() {
	old := b.ring
	b.ring = make([]Record, 2*len(old))
	for n := 1; n <= b.count; n++ {
		seq := b.last - uint64(n) //nolint:gosec // at most b.count
		b.ring[b.index(seq)] = old[seq%uint64(len(old))]
	}
}
