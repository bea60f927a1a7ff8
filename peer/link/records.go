package link

import (
	"slices"
	"sync"
)

// maxRecords is how many records are remembered. What is in an older one goes back to where it came from, and is passed over there.
const maxRecords = 4096

// records are the versions of the records that a copier of points had made where it writes. What they changed was noted in them and is
// known where it was read, so it needs neither to be noted once more nor to go back. They last as long as the connection:
// a server that goes back in time forgets, along with what it was told, how far it was read.
type records struct {
	mu sync.Mutex

	made []uint64 // in order
}

func (r *records) add(version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.made); version == 0 || n > 0 && version <= r.made[n-1] {
		return // nothing was changed
	}
	if len(r.made) == maxRecords {
		r.made = slices.Delete(r.made, 0, maxRecords/4)
	}
	r.made = append(r.made, version)
}

func (r *records) has(version uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, found := slices.BinarySearch(r.made, version)
	return found
}

// wrote are the records that a copier has made.
func (s *session) wrote(k courseKey) *records {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[k] == nil {
		s.records[k] = &records{}
	}
	return s.records[k]
}
