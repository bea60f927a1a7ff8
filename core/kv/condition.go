package kv

import "github.com/hivellm/synap-go/core/fault"

// Conditions are embedded by requests that change a key only if it is as the caller thinks.
type Conditions struct {
	IfAbsent  bool    `json:"if_absent,omitempty" jsonschema:"only if the key does not exist; already_exists otherwise"`
	IfPresent bool    `json:"if_present,omitempty" jsonschema:"only if the key exists; not_found otherwise"`
	IfVersion *uint64 `json:"if_version,omitempty" jsonschema:"only if the key has this version, 0 for a key that does not exist; conflict otherwise"`
}

// validate refuses conditions that exclude or imply each other.
func (c *Conditions) validate() error {
	if (c.IfAbsent && c.IfPresent) || (c.IfVersion != nil && (c.IfAbsent || c.IfPresent)) {
		return fault.New(fault.Invalid, "give only one of if_absent, if_present and if_version")
	}
	return nil
}

// check reports which condition the item under the key, nil for none, does not meet.
func (c *Conditions) check(key string, it *item) error {
	switch {
	case c.IfAbsent && it != nil:
		return alreadyExists(key, it)
	case c.IfPresent && it == nil:
		return notFound(key)
	case c.IfVersion != nil:
		return checkVersion(key, it, *c.IfVersion)
	}
	return nil
}

// checkVersion wants the item under the key to have the version; 0 wants no item.
func checkVersion(key string, it *item, want uint64) error {
	if it == nil {
		if want == 0 {
			return nil
		}
		return fault.New(fault.Conflict, "key %q does not exist; version %d was expected", clip(key), want).
			With("key", key).With("version", uint64(0))
	}
	if it.version == want {
		return nil
	}
	return fault.New(fault.Conflict, "key %q has version %d; version %d was expected", clip(key), it.version, want).
		With("key", key).With("version", it.version)
}

func alreadyExists(key string, it *item) error {
	return fault.New(fault.AlreadyExists, "key %q exists, with version %d", clip(key), it.version).
		With("key", key).With("version", it.version)
}

func notFound(key string) error {
	return fault.New(fault.NotFound, "key %q does not exist", clip(key)).With("key", key).With("version", uint64(0))
}

// clip shortens a key before it is repeated in a sentence.
func clip(key string) string {
	const most = 100
	if len(key) <= most {
		return key
	}
	return key[:boundary(key, most)] + "…"
}
