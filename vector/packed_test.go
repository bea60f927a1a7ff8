package vector

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/vector/collection"
)

// packs are the points of the story, packed, each after its collection and id.
func packs(t testing.TB) (lines []string, all []value.Value) {
	s := told(t)
	for _, name := range []string{"docs", "many", "texts"} {
		e := s.find(name)
		e.RLock()
		e.Each(collection.ID{}, func(p *collection.Point) bool {
			v := pack(p, e.Vectors(p))
			lines = append(lines, fmt.Sprintf("%s/%s %x", name, p.ID, v.Data()))
			all = append(all, v)
			return true
		})
		e.RUnlock()
	}
	return lines, all
}

// TestPackedPointsStayReadable compares packed points with those in testdata, which servers of the first form send.
func TestPackedPointsStayReadable(t *testing.T) {
	lines, _ := packs(t)
	want := golden(t, "testdata/packed.golden", lines)
	if !slices.Equal(lines, want) {
		t.Errorf("packed today:\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	s := told(t)
	for _, line := range want {
		space := strings.LastIndexByte(line, ' ')
		where, text := line[:space], line[space+1:]
		name, id, _ := strings.Cut(where, "/")
		p := PointInput{ID: collection.TextID(id), Packed: value.OfBytes(unhex(t, text))}
		if err := p.validate(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		e := s.find(name)
		there := e.Find(p.ID, 0)
		if there == nil {
			t.Fatalf("%s is nowhere", where)
		}
		same := maps.EqualFunc(p.named(), e.Vectors(there), slices.Equal)
		if string(p.Payload) != there.Payload || p.Text != there.Text || !same {
			t.Errorf("%s is read as %+v, want %+v with %v", where, p, there, e.Vectors(there))
		}
	}
}

// TestPackedPointsThatCannotBe are refused, and so is what does not go with one.
func TestPackedPointsThatCannotBe(t *testing.T) {
	_, all := packs(t)
	whole := all[len(all)-2].Data() // many/y: no payload, no text, one vector
	for name, c := range map[string]struct {
		p    PointInput
		code fault.Code
	}{
		"nothing":                  {PointInput{Packed: value.OfBytes(nil)}, fault.Invalid},
		"the form of none":         {PointInput{Packed: value.OfBytes([]byte("\x00" + whole[1:]))}, fault.Invalid},
		"a later form":             {PointInput{Packed: value.OfBytes([]byte("\x02" + whole[1:]))}, fault.Unsupported},
		"one that is cut":          {PointInput{Packed: value.OfBytes([]byte(whole[:len(whole)-1]))}, fault.Invalid},
		"more than there is":       {PointInput{Packed: value.OfBytes([]byte(whole + "\x00"))}, fault.Invalid},
		"a count that lies":        {PointInput{Packed: value.OfBytes([]byte("\x01\x00\x00\xff\xff\xff\xff\x0f"))}, fault.Invalid},
		"a length that lies":       {PointInput{Packed: value.OfBytes([]byte("\x01\xff\xff\xff\xff\x0f"))}, fault.Invalid},
		"a vector of odd bytes":    {PointInput{Packed: value.OfBytes([]byte("\x01\x00\x00\x01\x00\x03abc"))}, fault.Invalid},
		"a vector of nothing":      {PointInput{Packed: value.OfBytes([]byte("\x01\x00\x00\x01\x00\x00"))}, fault.Invalid},
		"a vector twice":           {PointInput{Packed: value.OfBytes([]byte("\x01\x00\x00\x02\x00\x04abcd\x00\x04abcd"))}, fault.Invalid},
		"a payload that is none":   {PointInput{Packed: value.OfBytes([]byte("\x01\x02[]\x00\x00"))}, fault.Invalid},
		"a payload that is broken": {PointInput{Packed: value.OfBytes([]byte("\x01\x02{]\x00\x00"))}, fault.Invalid},
		"a payload that is deep":   {PointInput{Packed: value.OfBytes([]byte("\x01\x84\x01" + strings.Repeat("[", 132) + "\x00\x00"))}, fault.Invalid},
		"a text that is none":      {PointInput{Packed: value.OfBytes([]byte("\x01\x00\x01\xff\x00"))}, fault.Invalid},
		"a text that is too long": {PointInput{Packed: value.OfBytes(slices.Concat(
			[]byte("\x01\x00\x81\x80\x10"), bytes.Repeat([]byte("x"), collection.MaxTextBytes+1), []byte{0}))}, fault.TooLarge},
		"a text instead":     {PointInput{Packed: value.OfText("AQAAAA==")}, fault.Invalid},
		"a vector besides":   {PointInput{Packed: value.OfBytes([]byte(whole)), Vector: []float32{1}}, fault.Invalid},
		"another text":       {PointInput{Packed: value.OfBytes([]byte(whole)), Text: "x"}, fault.Invalid},
		"a payload besides":  {PointInput{Packed: value.OfBytes([]byte(whole)), Payload: "{}"}, fault.Invalid},
		"no id":              {PointInput{Packed: value.OfBytes([]byte(whole))}, fault.Invalid},
		"nothing is wrong":   {PointInput{Packed: value.OfBytes([]byte(whole)), ID: collection.NumberID(1)}, 0},
		"nor with a payload": {PointInput{Packed: all[0], ID: collection.NumberID(1)}, 0},
	} {
		if c.p.ID.IsZero() && name != "no id" {
			c.p.ID = collection.NumberID(1)
		}
		if err := c.p.validate(); (err == nil) != (c.code == 0) || (err != nil && fault.CodeOf(err) != c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// FuzzPacked unpacks anything: what is taken comes out again as it was.
func FuzzPacked(f *testing.F) {
	_, all := packs(f)
	for _, v := range all {
		f.Add([]byte(v.Data()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := PointInput{ID: collection.NumberID(1), Packed: value.OfBytes(data)}
		if p.validate() != nil {
			return
		}
		again := appendPacked(nil, &collection.Point{Draft: collection.Draft{Payload: string(p.Payload), Text: p.Text}}, p.named())
		q := PointInput{ID: p.ID, Packed: value.OfBytes(again)}
		if err := q.validate(); err != nil {
			t.Fatalf("%x was taken, and %x is not: %v", data, again, err)
		}
		if third := appendPacked(nil, &collection.Point{Draft: collection.Draft{Payload: string(q.Payload), Text: q.Text}}, q.named()); !bytes.Equal(third, again) {
			t.Fatalf("%x comes back as %x", again, third)
		}
	})
}
