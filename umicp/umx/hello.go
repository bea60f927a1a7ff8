package umx

import (
	"encoding/json"
	"slices"
)

// What is proposed where nothing else is.
const (
	DefaultWindow     = 1 << 20  // stored body bytes that may be on the way on one stream
	DefaultConnWindow = 16 << 20 // the same on all streams together
	minFrame          = 4 << 10  // no peer may ask for less: errors must fit
)

// Hello is what both sides say when a session begins: the metadata of HELLO and of WELCOME, in JSON. What is not
// known is passed over.
type Hello struct {
	UMX        []int    `json:"umx"` // the versions of the binary frame
	PeerID     string   `json:"peer_id"`
	Software   string   `json:"software,omitempty"`
	MaxFrame   int      `json:"max_frame"`
	MaxMessage uint64   `json:"max_message"`
	Window     int64    `json:"window"`
	ConnWindow int64    `json:"conn_window"`
	Codecs     []string `json:"codecs"`
	DTypes     []string `json:"dtypes"`
	Checksum   string   `json:"checksum"`
	Auth       *Auth    `json:"auth,omitempty"`     // of HELLO alone
	Identity   string   `json:"identity,omitempty"` // of WELCOME alone: who the server takes the caller for
}

// Auth says who calls. One of the fields is given.
type Auth struct {
	APIKey string `json:"api_key,omitempty"`
	Bearer string `json:"bearer,omitempty"`
}

// NewHello returns what a peer of this implementation says.
func NewHello(peer string, l Limits) *Hello {
	l = l.OrDefault()
	return &Hello{
		UMX: []int{extVersion}, PeerID: peer, MaxFrame: l.MaxFrame, MaxMessage: l.MaxMessage, Window: DefaultWindow,
		ConnWindow: DefaultConnWindow, Codecs: Codecs(), DTypes: DTypes(), Checksum: "crc32c",
	}
}

// ParseHello reads the metadata of a HELLO or WELCOME. What is absent is the default.
func ParseHello(meta []byte) (*Hello, error) {
	h := NewHello("", Limits{})
	h.UMX = nil // else what is read goes on top of it
	if err := json.Unmarshal(meta, h); err != nil {
		return nil, errorf(InvalidEnvelope, "the HELLO cannot be read: %v", err)
	}
	if h.UMX == nil {
		h.UMX = []int{extVersion}
	}
	switch {
	case !slices.Contains(h.UMX, extVersion):
		return nil, unsupported("the versions %v of the frame were offered; %d is spoken here", h.UMX, extVersion)
	case h.MaxFrame < minFrame:
		return nil, errorf(InvalidArgument, "max_frame is %d; less than %d is too little", h.MaxFrame, minFrame)
	case h.Window <= 0 || h.ConnWindow <= 0 || h.Window > 1<<40 || h.ConnWindow > 1<<40:
		return nil, errorf(InvalidArgument, "the windows are %d and %d bytes: nothing could be sent", h.Window, h.ConnWindow)
	case h.Checksum != "crc32c":
		return nil, unsupported("checksum %q is not understood; it is crc32c", h.Checksum)
	case len(h.PeerID) > 1024:
		return nil, errorf(InvalidArgument, "peer_id is %d bytes long", len(h.PeerID))
	}
	return h, nil
}

// Agree returns the limits that hold between two peers: the lower ones.
func (h *Hello) Agree(other *Hello) Limits {
	return Limits{MaxFrame: min(h.MaxFrame, other.MaxFrame), MaxMessage: min(h.MaxMessage, other.MaxMessage)}
}

// Meta is the metadata that says it.
func (h *Hello) Meta() []byte {
	meta, err := json.Marshal(h)
	if err != nil {
		panic("umx: a HELLO does not encode: " + err.Error()) // strings and numbers always do
	}
	return meta
}
