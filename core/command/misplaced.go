package command

import (
	"encoding/json"
	"reflect"
)

// ownerOf finds what an object is decoded into that has a field of that name without there being one: the request itself, or something
// in it. Nil is that it is not found. The JSON is known not to nest too deep.
func ownerOf(name string, data json.RawMessage, t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil // it reads itself
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		var all []json.RawMessage
		_ = json.Unmarshal(data, &all) // what is no list has nothing in it
		for _, item := range all {
			if owner := ownerOf(name, item, t.Elem()); owner != nil {
				return owner
			}
		}
	case reflect.Map:
		var all map[string]json.RawMessage
		_ = json.Unmarshal(data, &all) // as above
		for _, item := range all {
			if owner := ownerOf(name, item, t.Elem()); owner != nil {
				return owner
			}
		}
	case reflect.Struct:
		return ownerIn(name, data, t)
	}
	return nil
}

func ownerIn(name string, data json.RawMessage, t reflect.Type) reflect.Type {
	var given map[string]json.RawMessage
	if json.Unmarshal(data, &given) != nil {
		return nil
	}
	known := map[string]reflect.Type{}
	for _, sf := range reflect.VisibleFields(t) {
		if field, _ := jsonName(sf); field != "" {
			known[field] = sf.Type
		}
	}
	if _, there := given[name]; there && known[name] == nil {
		return t
	}
	for field, of := range known {
		if item, there := given[field]; there {
			if owner := ownerOf(name, item, of); owner != nil {
				return owner
			}
		}
	}
	return nil
}
