package vector

import (
	"regexp"
	"strings"

	"github.com/hivellm/synap-go/core/fault"
)

// MaxNameBytes bounds a collection's name.
const MaxNameBytes = 128

var collectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)

// checkName refuses what no collection is called.
func checkName(name string) error {
	if !collectionName.MatchString(name) {
		return fault.New(fault.Invalid, "%q cannot be a collection: 1 to %d of a-z A-Z 0-9 . _ : -, beginning with a letter or digit",
			clip(name), MaxNameBytes).With("field", "collection")
	}
	return nil
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return strings.ToValidUTF8(s, "�")
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
