package journal

// How much of the recent past is kept for watches to resume from; whichever bound is met first.
const (
	DefaultBacklogRecords = 32_768
	DefaultBacklogBytes   = 32 << 20
)

// Backlog is the newest records of a journal, in memory, bounded by their number and by what they hold on to. Its
// owner sees to it that one goroutine uses it at a time.
type Backlog struct {
	last       uint64 // the newest record's number; the numbers have no gaps
	ring       []slot // the newest records, the record n at ring[n % len(ring)]; a power of two long
	count      int    // how many of them there are
	bytes      int    // what they hold on to
	maxRecords int
	maxBytes   int
}

// slot is a record in a third of its size: two of them share a cache line, and every commit writes one under the journal's lock. Its number
// is known by where it is.
type slot struct {
	op        Op      // of a record of a single change and nothing else
	whole     *Record // any other record
	namespace uint32  // of op
	meta      uint32  // of op: its structure, above sizeBits bits of the record's size
}

// sizeBits are those of a slot that say how large a record is. A larger one is kept whole.
const sizeBits = 24

func slotOf(rec *Record) slot {
	if rec.Answer != nil || len(rec.rest) > 0 || rec.size>>sizeBits != 0 || rec.first.Op == nil {
		whole := *rec
		return slot{whole: &whole}
	}
	c := &rec.first
	return slot{op: c.Op, namespace: c.Namespace, meta: uint32(c.Structure)<<sizeBits | uint32(rec.size)} //nolint:gosec // it fits
}

func (s *slot) record(seq uint64) Record {
	if s.whole != nil {
		return *s.whole
	}
	return Record{Seq: seq, first: Change{s.namespace, uint8(s.meta >> sizeBits), s.op}, size: s.size()}
}

func (s *slot) size() int {
	if s.whole != nil {
		return s.whole.size
	}
	return int(s.meta & (1<<sizeBits - 1))
}

// NewBacklog returns an empty backlog; the first record that is pushed follows after. Zero bounds are the defaults.
func NewBacklog(after uint64, maxRecords, maxBytes int) *Backlog {
	if maxRecords <= 0 {
		maxRecords = DefaultBacklogRecords
	}
	if maxBytes <= 0 {
		maxBytes = DefaultBacklogBytes
	}
	return &Backlog{last: after, maxRecords: maxRecords, maxBytes: maxBytes, ring: make([]slot, 64)}
}

// Last is the number of the newest record.
func (b *Backlog) Last() uint64 { return b.last }

// Oldest is the position before the oldest record that is held.
func (b *Backlog) Oldest() uint64 { return b.last - uint64(b.count) } //nolint:gosec // never more than there were

// Push adds the next record, and lets the oldest go when there is no room; the newest always stays.
func (b *Backlog) Push(rec *Record) { b.push(slotOf(rec)) }

func (b *Backlog) push(s slot) {
	b.last++
	size := s.size()
	if b.count == len(b.ring) && b.count < b.maxRecords {
		b.grow()
	}
	for b.count > 0 && (b.count == len(b.ring) || b.count >= b.maxRecords || b.bytes+size > b.maxBytes) {
		oldest := &b.ring[b.index(b.last-uint64(b.count))] //nolint:gosec // as above
		b.bytes -= oldest.size()
		*oldest = slot{}
		b.count--
	}
	if s.whole != nil {
		s.whole.Seq = b.last
	}
	b.ring[b.index(b.last)] = s
	b.count++
	b.bytes += size
}

// ReadAfter fills dst with the records that follow seq. ok is false when the record after seq is not, or not yet, held.
func (b *Backlog) ReadAfter(seq uint64, dst []Record) (n int, ok bool) {
	if seq < b.Oldest() || seq > b.last {
		return 0, false
	}
	for n < len(dst) && seq < b.last {
		seq++
		dst[n] = b.ring[b.index(seq)].record(seq)
		n++
	}
	return n, true
}

// index is where the record of that number is, or would be.
func (b *Backlog) index(seq uint64) uint64 { return seq & uint64(len(b.ring)-1) }

// grow doubles the ring, so that an idle server holds a small one.
func (b *Backlog) grow() {
	old := b.ring
	b.ring = make([]slot, 2*len(old))
	for n := 1; n <= b.count; n++ {
		seq := b.last - uint64(n) //nolint:gosec // at most b.count
		b.ring[b.index(seq)] = old[seq&uint64(len(old)-1)]
	}
}
