package stream

import "github.com/hivellm/synap-go/core/fault"

// The constants of FNV-1a with 64 bits.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// Partition returns the partition, of so many, that events with the key belong to: the FNV-1a hash of the key's
// bytes, 64 bits wide, modulo the number of partitions. It is the same in every version and on every machine,
// so that a client may compute it too.
func Partition(key string, partitions int) int {
	hash := uint64(fnvOffset)
	for i := range len(key) {
		hash = (hash ^ uint64(key[i])) * fnvPrime
	}
	return int(hash % uint64(partitions)) //nolint:gosec // less than partitions, which is positive
}

// route picks the partition of an event: the one asked for, else the key's, else the next one in turn.
func (r *room) route(asked *int, key string) (int, error) {
	n := len(r.partitions)
	switch {
	case asked != nil:
		return *asked, r.checkPartition(*asked)
	case n == 1:
		return 0, nil
	case key != "":
		return Partition(key, n), nil
	}
	r.turn = (r.turn + 1) % n
	return (r.turn + n - 1) % n, nil
}

func (r *room) checkPartition(i int) error {
	if i >= 0 && i < len(r.partitions) {
		return nil
	}
	return fault.New(fault.OutOfRange, "room %q has no partition %d: it has %d, counted from 0", r.name, i, len(r.partitions)).
		With("field", "partition").With("partitions", len(r.partitions))
}

// pick returns the partition that a reader asks for. A room with several has to be asked for one of them: to
// show one of many as if it were the whole would be a silent loss.
func (r *room) pick(asked *int) (int, error) {
	switch {
	case asked != nil:
		return *asked, r.checkPartition(*asked)
	case len(r.partitions) == 1:
		return 0, nil
	}
	return 0, fault.New(fault.Invalid, `room %q has %d partitions: say which with "partition", or read all of them in a group`,
		r.name, len(r.partitions)).With("field", "partition").With("partitions", len(r.partitions))
}
