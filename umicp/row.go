package umicp

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/pack"
)

// row is what the door knows of a command: how to run it, and which of its fields take tensors.
type row struct {
	command *command.Command
	// inline: it runs at once on the goroutine that reads. It neither waits nor calls other commands, as open ones do.
	inline bool
	heavy  bool             // it weighs more than a small request: a loop leaves it to a goroutine
	wait   []int            // the field wait_ms; nil when there is none
	fields map[string][]int // by JSON name, those that take a tensor
	out    []outField       // the fields of its answer that can be tensors
	place  int              // among all rows

	request, response func() *pack.Codec // of its types, made when first asked for
}

// outField is a field of an answer that can be a tensor.
type outField struct {
	name  string
	index []int
}

// tensorSource is what a field of an answer implements that can be a tensor of float32. The data is shared.
type tensorSource interface {
	Tensor() (dims []int, data []float32)
}

// tensorField is what a request's field implements that takes a tensor of float32: the data belongs to it from then on.
type tensorField interface {
	SetTensor(dims []int, data []float32) error
}

var tensorFieldType = reflect.TypeFor[tensorField]()

func newRow(c *command.Command) *row {
	r := &row{
		command: c, fields: map[string][]int{},
		request:  sync.OnceValue(func() *pack.Codec { return pack.CodecOf(c.Request) }),
		response: sync.OnceValue(func() *pack.Codec { return pack.CodecOf(c.Response) }),
	}
	r.inline = (c.Kind == command.KindRead || c.Kind == command.KindWrite) && !c.MayWait() && !c.Open
	r.heavy = c.Weight > 1
	for _, f := range reflect.VisibleFields(c.Request) {
		name := jsonName(f)
		switch {
		case name == "wait_ms" && f.Type.Kind() == reflect.Int64:
			r.wait = f.Index
		case name != "" && takesTensor(f.Type):
			r.fields[name] = f.Index
		}
	}
	for _, f := range reflect.VisibleFields(c.Response) {
		if name := jsonName(f); name != "" && f.Type.Implements(reflect.TypeFor[tensorSource]()) {
			r.out = append(r.out, outField{name, f.Index})
		}
	}
	return r
}

func jsonName(f reflect.StructField) string {
	if !f.IsExported() || f.Anonymous {
		return ""
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func takesTensor(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(tensorFieldType) {
		return true
	}
	if t.Kind() != reflect.Slice {
		return false
	}
	switch t.Elem().Kind() {
	case reflect.Float32, reflect.Float64, reflect.Uint64, reflect.Int64, reflect.String:
		return true
	}
	return reflect.PointerTo(t.Elem()).Implements(reflect.TypeFor[json.Unmarshaler]()) // ids, which read themselves
}
