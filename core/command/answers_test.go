package command

import (
	"fmt"
	"strings"
	"testing"
)

func TestAnswersAreBounded(t *testing.T) {
	tests := []struct {
		name  string
		value string
		n     int
		kept  func(i, n int) bool // whether the i-th of n is remembered at the end
	}{
		{"by number", "", maxAnswers + 10, func(i, _ int) bool { return i >= 10 }},
		{"by bytes", strings.Repeat("x", 1<<20), 100, func(i, n int) bool { return i >= n-64 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAnswers()
			for i := range test.n {
				r, mine := a.claim(answerKey{1, "me", fmt.Sprint(i)}, [32]byte{}, 1000)
				if !mine {
					t.Fatalf("answer %d is there already", i)
				}
				a.settle(r, test.value, nil, false)
			}
			if a.bytes > maxAnswersBytes+2<<20 || a.order.Len() != len(a.byKey) {
				t.Errorf("%d bytes, %d in order, %d by key", a.bytes, a.order.Len(), len(a.byKey))
			}
			for i := range test.n {
				e := a.byKey[answerKey{1, "me", fmt.Sprint(i)}]
				if (e != nil) != test.kept(i, test.n) {
					t.Errorf("answer %d of %d is remembered: %v", i, test.n, e != nil)
					return
				}
			}
		})
	}
}

func TestForgottenAnswersGiveTheirMemoryBack(t *testing.T) {
	a := newAnswers()
	for i := range 100 {
		r, _ := a.claim(answerKey{1, "me", fmt.Sprint(i)}, [32]byte{}, 1000)
		a.settle(r, "answer", nil, false)
	}
	a.trim(1000 + answerLifeMS)
	if a.bytes != 0 || a.order.Len() != 0 || len(a.byKey) != 0 {
		t.Errorf("left: %d bytes, %d in order, %d by key", a.bytes, a.order.Len(), len(a.byKey))
	}
}
