package memory

import (
	"time"

	"github.com/hivellm/synap-go/core/value"
)

// conciseBytes is what concise results show of a text.
const conciseBytes = 300

// Memory is a memory as it is shown.
type Memory struct {
	ID        string      `json:"id"`
	Text      string      `json:"text"`
	Cut       bool        `json:"cut,omitempty" jsonschema:"whether the text goes on: memory.list with its id has all of it"`
	Metadata  value.Value `json:"metadata,omitzero" jsonschema:"what its writer said about it, a JSON object"`
	Source    string      `json:"source,omitempty" jsonschema:"where its writer had it from"`
	StoredBy  string      `json:"stored_by" jsonschema:"who stored it"`
	StoredKey string      `json:"stored_key,omitempty" jsonschema:"the id of the API key that it was stored with"`
	StoredAt  string      `json:"stored_at" jsonschema:"when, RFC 3339"`
	UpdatedBy string      `json:"updated_by,omitempty" jsonschema:"who changed it last"`
	UpdatedAt string      `json:"updated_at,omitempty" jsonschema:"when, RFC 3339"`
	ExpiresAt string      `json:"expires_at,omitempty" jsonschema:"when it is forgotten, RFC 3339; absent means never"`
	Version   uint64      `json:"version,omitempty" jsonschema:"the write that last changed it, for if_version"`
	Embedded  bool        `json:"embedded,omitempty" jsonschema:"whether it can be found by meaning"`
}

func show(it *item) Memory {
	m := Memory{
		ID: it.id(), Text: it.text, Source: it.source, Version: it.version, Embedded: it.vector != nil,
		StoredBy: it.stored.by, StoredKey: it.stored.key, StoredAt: moment(it.stored.at),
		UpdatedBy: it.updated.by, UpdatedAt: moment(it.updated.at), ExpiresAt: moment(it.expires),
	}
	if it.metadata != nil {
		m.Metadata = value.Restore(value.JSON, it.metadata.text)
	}
	return m
}

// moment writes a time; "" for none.
func moment(at int64) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).UTC().Format(time.RFC3339)
}

// shorten leaves what a reader in a hurry needs.
func (m *Memory) shorten() {
	if len(m.Text) > conciseBytes {
		m.Text, m.Cut = clip(m.Text, conciseBytes), true
	}
	m.Source, m.StoredKey, m.UpdatedBy, m.Version, m.Embedded = "", "", "", 0, false
}

// bytes is about how long it is as JSON.
func (m *Memory) bytes() int {
	return 160 + len(m.ID) + len(m.Text) + m.Metadata.Len() + len(m.Source) + len(m.StoredBy) + len(m.StoredKey) + len(m.UpdatedBy)
}
