package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"hash/crc32"
	"strings"
)

// An API key as its holder has it. The form is permanent; 32 letters and digits stand for five bits each:
//
//	┌─────┬────────────────┬───┬─────────────────────────┬───────────────────────────┐
//	│ sk_ │ id, 10 letters │ _ │ 256 random bits, 52     │ checksum, 7: the CRC-32C  │
//	│     │                │   │ letters                 │ of all letters before it  │
//	└─────┴────────────────┴───┴─────────────────────────┴───────────────────────────┘
//
// The id finds the key and is no secret. The checksum tells a mistyped or cut key from a wrong one without a look at the
// data, and scanners a key from a word.
const (
	secretPrefix   = "sk_"
	IDLength       = 10
	randomLength   = 52
	checksumLength = 7
	SecretLength   = len(secretPrefix) + IDLength + 1 + randomLength + checksumLength
)

const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

var (
	letters   = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
	castagnol = crc32.MakeTable(crc32.Castagnoli)
)

// NewID returns a random id of an API key.
func NewID() string {
	var raw [7]byte
	_, _ = rand.Read(raw[:]) // it never fails
	return letters.EncodeToString(raw[:])[:IDLength]
}

// ValidID reports whether NewID may have made it.
func ValidID(id string) bool {
	return len(id) == IDLength && strings.Trim(id, alphabet) == ""
}

// NewSecret returns a fresh secret for the API key of that id.
func NewSecret(id string) string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails
	b := append([]byte(secretPrefix+id+"_"), letters.EncodeToString(raw[:])...)
	return string(appendChecksum(b))
}

// appendChecksum appends the checksum of all that is there.
func appendChecksum(b []byte) []byte {
	sum := crc32.Checksum(b, castagnol)
	return letters.AppendEncode(b, []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

// ParseSecret takes an API key apart. It fails for what cannot be one, however it came to be so.
func ParseSecret(secret string) (id string, ok bool) {
	if id, ok = idOf(secret); !ok || !intact(secret, make([]byte, 0, SecretLength)) {
		return "", false
	}
	return id, true
}

// idOf is the id in what has the form of an API key.
func idOf(secret string) (id string, ok bool) {
	if len(secret) != SecretLength || secret[:len(secretPrefix)] != secretPrefix || secret[len(secretPrefix)+IDLength] != '_' {
		return "", false
	}
	return secret[len(secretPrefix) : len(secretPrefix)+IDLength], true
}

// intact reports whether the checksum of what has the form is right; room is a buffer for that.
func intact(secret string, room []byte) bool {
	const body = SecretLength - checksumLength
	return string(appendChecksum(append(room[:0], secret[:body]...))[body:]) == secret[body:]
}

// HashSecret is what is kept of an API key: the SHA-256 of its random part. 256 random bits need no stretching. The argument
// is one that has the form.
func HashSecret(secret string) [sha256.Size]byte {
	var room [randomLength]byte
	from := len(secretPrefix) + IDLength + 1
	return sha256.Sum256(append(room[:0], secret[from:from+randomLength]...))
}
