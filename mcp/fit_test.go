package mcp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestLongListsComeInSmallerPages asks for all of a list whose entries do not fit into an answer: each answer says where to go on, and together
// they are the list.
func TestLongListsComeInSmallerPages(t *testing.T) {
	s := full(t)
	var all []string
	cursor, calls := "", 0
	for {
		r := call(t, s, "synap_box_big", fmt.Sprintf(`{"limit":1000,"size":200,"cursor":%q}`, cursor))
		if calls++; r.IsError || len(r.text()) > 32<<10 {
			t.Fatalf("%d bytes, error %v", len(r.text()), r.IsError)
		}
		var page struct {
			Items      []string
			NextCursor string `json:"next_cursor"`
		}
		if err := json.Unmarshal(r.StructuredContent, &page); err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if len(all) != 1000 || !strings.HasPrefix(all[999], "999 w") || calls > 20 {
		t.Errorf("%d entries in %d calls", len(all), calls)
	}
}

// TestLongValuesAreCut: what is too long by itself is cut, and says so; what is short stays whole.
func TestLongValuesAreCut(t *testing.T) {
	s := full(t)
	r := call(t, s, "synap_box_big", `{"limit":1,"size":100000}`)
	if r.IsError || len(r.text()) > 32<<10 || !strings.Contains(r.text(), "[cut here: 16384 of 100001 bytes are shown") ||
		!strings.Contains(r.text(), `"next_cursor":"1"`) {
		t.Errorf("error %v, %d bytes: %.100s", r.IsError, len(r.text()), r.text())
	}
	if text := string(r.StructuredContent); text != r.text() {
		t.Errorf("structured content and text differ")
	}
}
