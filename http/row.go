package http

import (
	"reflect"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/value"
)

// rawAnswer is implemented by responses that stand for one value, which a resource's GET answers as it is.
type rawAnswer interface {
	Raw() (v value.Value, found bool, version uint64)
}

var rawType = reflect.TypeFor[rawAnswer]()

// row is what is worked out about a command when the door is made, so that no request has to.
type row struct {
	byName   map[string]reflect.StructField // the request's fields
	from     []int                          // of a Watch, the request's field to go on from
	event    []int                          // of a Watch, the event's field that names it; nil when there is none
	response reflect.Type                   // a pointer to the command's own response
	version  []int                          // of a Write, the response's version; nil otherwise
}

func newRow(c *command.Command) *row {
	w := &row{byName: map[string]reflect.StructField{}, response: reflect.PointerTo(c.Response)}
	for _, f := range reflect.VisibleFields(c.Request) {
		if name := fieldName(f); name != "" {
			w.byName[name] = f
		}
	}
	if c.Kind == command.KindWatch {
		w.from = w.byName["from"].Index
		for _, f := range reflect.VisibleFields(c.Response) {
			if fieldName(f) == "event" && f.Type.Kind() == reflect.String {
				w.event = f.Index
			}
		}
	}
	receipt := reflect.TypeFor[command.Receipt]()
	version, _ := receipt.FieldByName("Version")
	for _, f := range reflect.VisibleFields(c.Response) {
		if f.Anonymous && f.Type == receipt {
			w.version = append(append([]int{}, f.Index...), version.Index...)
		}
	}
	return w
}

// receiptOf returns the version that a write gave to what it changed; zero when it changed nothing, and ok
// false when this is no write's response, or one that was not made here.
func (w *row) receiptOf(resp any) (version uint64, ok bool) {
	v := reflect.ValueOf(resp)
	if w.version == nil || v.Type() != w.response || v.IsNil() {
		return 0, false
	}
	return v.Elem().FieldByIndex(w.version).Uint(), true
}

// eventName is what an event calls itself, or else the command's name.
func (w *row) eventName(event any, command string) string {
	if v := reflect.ValueOf(event); w.event != nil && v.Type() == w.response {
		return v.Elem().FieldByIndex(w.event).String()
	}
	return command
}
