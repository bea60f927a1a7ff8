package stream

import "slices"

// strategy is how a group gives out partitions. The numbers are permanent.
type strategy uint8

const (
	byRange    strategy = 1 // each member gets neighbours: 0 1 2 | 3 4
	roundRobin strategy = 2 // dealt like cards: 0 2 4 | 1 3
	sticky     strategy = 3 // as even, and everybody keeps what it has where that is possible
)

var strategies = map[string]strategy{"range": byRange, "round_robin": roundRobin, "sticky": sticky}

// String returns the name that requests use.
func (s strategy) String() string {
	for name, known := range strategies {
		if s == known {
			return name
		}
	}
	return "unknown"
}

// assign returns the members, by id, with every partition given to just one of them. Nobody has two more than
// anybody else. The same members always get the same, except that sticky looks at what they have.
func (s strategy) assign(members []member, partitions int) []member {
	members = slices.Clone(members)
	if len(members) == 0 {
		return members
	}
	given := make([][]int, len(members))
	switch s {
	case byRange:
		for p := range partitions {
			// The first partitions%len(members) members have one more.
			each, more := partitions/len(members), partitions%len(members)
			i := 0
			if p < more*(each+1) {
				i = p / (each + 1)
			} else {
				i = more + (p-more*(each+1))/each
			}
			given[i] = append(given[i], p)
		}
	case sticky:
		keep(given, members, partitions)
	default:
		for p := range partitions {
			given[p%len(members)] = append(given[p%len(members)], p)
		}
	}
	for i := range members {
		slices.Sort(given[i])
		members[i].partitions = given[i]
	}
	return members
}

// keep gives every member what it has, up to its share, and the rest to those who have least.
func keep(given [][]int, members []member, partitions int) {
	each, more := partitions/len(members), partitions%len(members)
	taken := make([]bool, partitions)
	for i, m := range members {
		for _, p := range m.partitions {
			room := len(given[i]) < each
			if !room && len(given[i]) == each && more > 0 {
				room = true
				more--
			}
			if room && p < partitions && !taken[p] {
				given[i], taken[p] = append(given[i], p), true
			}
		}
	}
	for p := range partitions {
		if taken[p] {
			continue
		}
		least := 0
		for i := range given {
			if len(given[i]) < len(given[least]) {
				least = i
			}
		}
		given[least] = append(given[least], p)
	}
}
