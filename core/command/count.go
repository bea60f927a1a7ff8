package command

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/hivellm/synap-go/core/value"
)

// countFrom is from how many bytes on the lists of a request are counted before anything is made of it. An element that says nothing is one or
// two bytes long, and decodes to a struct of a hundred and more: without a look at the bound, that is asked for anyway once all is decoded, a body of 16
// MiB took 3 GiB.
const countFrom = 64 << 10

// bounded returns the lists of the request that have a bound; none when it is no struct, or is too short to be looked at.
func bounded(request any, length int) (lists []*field) {
	t := reflect.TypeOf(request)
	if length < countFrom || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	fs, err := fieldsOf(t.Elem())
	if err != nil {
		return nil // it is no command's
	}
	for i := range fs.checked {
		if f := &fs.checked[i]; f.list && f.hasMax {
			lists = append(lists, f)
		}
	}
	return lists
}

// count refuses a list with more elements than it may have, as check would.
func (f *field) count(elements int) error {
	if float64(elements) <= f.max {
		return nil
	}
	return f.outside(float64(elements), " entries")
}

// countJSON counts the elements of the request's lists in a JSON object. What is malformed is found when it is decoded.
func countJSON(data []byte, request any) error {
	lists := bounded(request, len(data))
	if len(lists) == 0 {
		return nil
	}
	for at := 1; at < len(data); {
		quote := bytes.IndexByte(data[at:], '"') // of the next member's name
		if quote < 0 {
			return nil
		}
		at += quote
		end := value.AfterJSON(data, at)
		name := memberName(data[at:end])
		for at = end; at < len(data) && (data[at] == ':' || data[at] <= ' '); at++ {
		}
		if at < len(data) && data[at] == '[' {
			for _, f := range lists {
				if !strings.EqualFold(f.name, name) { // as encoding/json looks for it
					continue
				}
				if err := f.count(value.Elements(data[at:], int(f.max))); err != nil {
					return err
				}
			}
		}
		at = value.AfterJSON(data, at)
	}
	return nil
}

// memberName is what a quoted name says.
func memberName(quoted []byte) (name string) {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		_ = json.Unmarshal(quoted, &name) // what cannot be read is found when all is decoded
		return name
	}
	return strings.Trim(string(quoted), `"`)
}

// countMsgPack is countJSON of MessagePack that CheckMsgpack let pass.
func countMsgPack(data []byte, request any) error {
	lists := bounded(request, len(data))
	if len(lists) == 0 {
		return nil
	}
	dec := msgpack.NewDecoder(bytes.NewReader(data))
	n, err := dec.DecodeMapLen()
	for ; err == nil && n > 0; n-- {
		var name string
		var code byte
		if name, err = dec.DecodeString(); err == nil {
			code, err = dec.PeekCode()
		}
		if err == nil && (msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32) {
			var elements int
			elements, err = dec.DecodeArrayLen()
			for _, f := range lists {
				if f.name == name && err == nil {
					if refused := f.count(elements); refused != nil {
						return refused
					}
				}
			}
			for ; err == nil && elements > 0; elements-- {
				err = dec.Skip()
			}
		} else if err == nil {
			err = dec.Skip()
		}
	}
	return nil // what is wrong with it is found when it is decoded
}
