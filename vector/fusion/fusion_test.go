package fusion

import (
	"fmt"
	"testing"
)

func TestReciprocal(t *testing.T) {
	for _, c := range []struct {
		name     string
		rankings []Ranking[string]
		want     string
	}{
		{"none", nil, "[]"},
		{"one keeps its order", []Ranking[string]{{IDs: []string{"b", "a"}}}, "[b a]"},
		{"both beats the first of one", []Ranking[string]{{IDs: []string{"x", "b"}}, {IDs: []string{"y", "b"}}}, "[b x y]"},
		{"weights", []Ranking[string]{{IDs: []string{"x"}}, {IDs: []string{"y"}, Weight: 2}}, "[y x]"},
		{"equals by id", []Ranking[string]{{IDs: []string{"b"}}, {IDs: []string{"a"}}}, "[a b]"},
		{"twice in one counts once", []Ranking[string]{{IDs: []string{"a", "b", "b", "b"}}}, "[a b]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ids := []string{}
			for _, s := range Reciprocal(c.rankings...) {
				ids = append(ids, s.ID)
			}
			if got := fmt.Sprint(ids); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	got := Reciprocal(Ranking[int]{IDs: []int{7, 8}}, Ranking[int]{IDs: []int{8}, Weight: 0.5})
	if got[0].ID != 8 || got[0].Score != 1.0/62+0.5/61 || got[1].Score != 1.0/61 {
		t.Errorf("scores are %v", got)
	}
}
