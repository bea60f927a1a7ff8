package queue

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/hivellm/synap-go/core/fault"
)

// maxReceiptBytes bounds what is looked at of something that may be a receipt.
const maxReceiptBytes = 256

// receipt names one lease on one message. To callers it is opaque: the base64url of
//
//	┌────────┬───────────┬──────────────┬─────────┐
//	│ id, uv │ token, uv │ attempts, uv │ queue … │
//	└────────┴───────────┴──────────────┴─────────┘
//
// The token tells leases apart, and the attempts those that one transaction granted.
type receipt struct {
	queue    string
	id       uint64
	token    uint64
	attempts uint32
}

func (r *receipt) appendTo(text []byte) []byte {
	var raw [3*binary.MaxVarintLen64 + maxNameBytes]byte
	b := binary.AppendUvarint(raw[:0], r.id)
	b = binary.AppendUvarint(b, r.token)
	b = binary.AppendUvarint(b, uint64(r.attempts))
	b = append(b, r.queue...)
	return base64.RawURLEncoding.AppendEncode(text, b)
}

// parseReceipt reads what appendTo wrote.
func parseReceipt(text string) (receipt, error) {
	var raw [maxReceiptBytes]byte
	if len(text) <= maxReceiptBytes {
		if b, err := base64.RawURLEncoding.AppendDecode(raw[:0], []byte(text)); err == nil {
			r := reading(b)
			rc := receipt{id: r.Number(), token: r.Number(), attempts: r.attempts(), queue: r.Rest()}
			if !r.Bad() && checkName(rc.queue) == nil {
				return rc, nil
			}
		}
	}
	return receipt{}, fault.New(fault.Invalid, "%q is no receipt: pass receipts of queue.receive as they are", clip(text)).
		With("field", "receipts")
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:boundary(s, most)] + "…"
}
