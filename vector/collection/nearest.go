package collection

import (
	"cmp"
	"slices"
)

// candidate is a point and how far it is.
type candidate struct {
	point    *Point
	distance float32
}

// farther orders candidates; of two at one distance the later id is farther, so that every answer has one order.
func (a candidate) farther(b candidate) bool {
	if a.distance != b.distance {
		return a.distance > b.distance
	}
	return b.point.ID.Less(a.point.ID)
}

// nearest keeps the k nearest of what it is offered, as a heap with the farthest on top.
type nearest struct {
	k    int
	heap []candidate
}

// wants reports whether something at that distance would be kept.
func (n *nearest) wants(distance float32) bool {
	return len(n.heap) < n.k || distance <= n.heap[0].distance
}

func (n *nearest) offer(c candidate) {
	if len(n.heap) < n.k {
		n.heap = append(n.heap, c)
		i := len(n.heap) - 1
		for i > 0 && c.farther(n.heap[(i-1)/2]) {
			n.heap[i] = n.heap[(i-1)/2]
			i = (i - 1) / 2
		}
		n.heap[i] = c
		return
	}
	if !n.heap[0].farther(c) {
		return
	}
	i := 0
	for child := 1; child < len(n.heap); child = 2*i + 1 {
		if child+1 < len(n.heap) && n.heap[child+1].farther(n.heap[child]) {
			child++
		}
		if !n.heap[child].farther(c) {
			break
		}
		n.heap[i] = n.heap[child]
		i = child
	}
	n.heap[i] = c
}

// sorted returns what was kept, the nearest first; it is a heap no more.
func (n *nearest) sorted() []candidate {
	slices.SortFunc(n.heap, func(a, b candidate) int {
		if a.distance != b.distance {
			return cmp.Compare(a.distance, b.distance)
		}
		return a.point.ID.Compare(b.point.ID)
	})
	return n.heap
}
