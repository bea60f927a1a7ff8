package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// confirmLife is how long a preview's code can be used.
const confirmLife = 2 * time.Minute

// ClearRequest asks to remove much at once: first for a preview, then, with the preview's code, for the deed.
type ClearRequest struct {
	Target  string `json:"target" max:"1024" jsonschema:"the address of the thing, as browsing shows it: synap://queue/jobs"`
	Mode    string `json:"mode" enum:"empty,drop,redrive_dead" jsonschema:"empty it, drop it with all it holds, or send its dead letters back to work"`
	Confirm string `json:"confirm,omitempty" max:"64" jsonschema:"the code of the preview; absent asks for a preview, and changes nothing"`
}

// ClearResponse is a preview with a code, or what was done.
type ClearResponse struct {
	Target  string                 `json:"target"`
	Done    bool                   `json:"done" jsonschema:"false for a preview: nothing was changed"`
	Counts  map[string]json.Number `json:"counts" jsonschema:"of a preview: what is in it now; when done: what was affected"`
	Confirm string                 `json:"confirm,omitempty" jsonschema:"of a preview: call again with this code within two minutes to do it"`
}

func (s *server) clear(ctx context.Context, r *ClearRequest) (ClearResponse, error) {
	things, name, err := s.find(r.Target)
	if err != nil {
		return ClearResponse{}, err
	}
	clearing, ok := things.Clear[r.Mode]
	if !ok {
		return ClearResponse{}, fault.New(fault.Unsupported, "%s can be cleared by %s, not by %s", things.Kind,
			strings.Join(slices.Sorted(maps.Keys(things.Clear)), ", "), r.Mode)
	}
	do, err := s.clearing(ctx, clearing, name)
	if err != nil {
		return ClearResponse{}, err
	}
	// Who may not do it learns nothing about it either.
	if err := s.engine.dispatcher.Check(do); err != nil {
		return ClearResponse{}, err
	}
	if r.Confirm == "" {
		return s.preview(ctx, r, things, name)
	}
	if !s.confirmed(ctx, r) {
		return ClearResponse{}, fault.New(fault.Conflict,
			"the code is not for this caller, target and mode, or is older than two minutes: call again without confirm for a new preview")
	}
	done, err := s.engine.dispatcher.Do(ctx, do)
	if err != nil {
		return ClearResponse{}, err
	}
	item, err := fieldsOf(done)
	return ClearResponse{Target: r.Target, Done: true, Counts: numbersOf(item)}, err
}

// find takes a thing's address apart.
func (s *server) find(target string) (*command.Things, string, error) {
	for _, st := range s.engine.table.Structures() {
		if st.Things == nil || len(st.Things.Clear) == 0 {
			continue
		}
		if name, ok := strings.CutPrefix(target, st.Things.Root()); ok && name != "" {
			if name, err := url.PathUnescape(name); err == nil {
				return st.Things, name, nil
			}
		}
	}
	return nil, "", fault.New(fault.Invalid, "%q is not the address of something that can be cleared, such as synap://queue/jobs", target).
		With("field", "target")
}

// clearing is the call that does it.
func (s *server) clearing(ctx context.Context, c command.Clearing, name string) (*command.Request, error) {
	do, err := s.engine.table.Find(c.Command)
	if err != nil {
		return nil, err
	}
	args := maps.Clone(c.With)
	if args == nil {
		args = map[string]any{}
	}
	args[c.Field] = name
	payload, err := json.Marshal(args)
	outer := command.CallOf(ctx)
	return &command.Request{
		Caller: outer.Caller, Namespace: outer.Namespace, Durability: outer.Durability, Command: do, Payload: command.JSON(payload),
	}, err
}

// preview says what is in the thing, and gives the code.
func (s *server) preview(ctx context.Context, r *ClearRequest, things *command.Things, name string) (ClearResponse, error) {
	expires := s.env.Clock.Now() + confirmLife.Milliseconds()
	if things.Count != "" {
		counts, err := s.count(ctx, things.Count, name)
		return ClearResponse{Target: r.Target, Counts: counts, Confirm: s.code(ctx, r, expires)}, err
	}
	page, err := s.browseThings(ctx, &BrowseRequest{Prefix: name, Limit: 1}, things)
	if err != nil {
		return ClearResponse{}, err
	}
	if len(page.Items) == 0 || page.Items[0].Name != name {
		return ClearResponse{}, fault.New(fault.NotFound, "there is no %s %q", things.One(), name)
	}
	return ClearResponse{Target: r.Target, Counts: page.Items[0].Counts, Confirm: s.code(ctx, r, expires)}, nil
}

// count runs the command that counts what is under a prefix, for its caller.
func (s *server) count(ctx context.Context, name, prefix string) (map[string]json.Number, error) {
	c, err := s.engine.table.Find(name)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(map[string]string{"prefix": prefix})
	if err != nil {
		return nil, err
	}
	counted, err := s.engine.dispatcher.Do(ctx, command.CallOf(ctx).Inner(c, command.JSON(payload)))
	if err != nil {
		return nil, err
	}
	item, err := fieldsOf(counted)
	return numbersOf(item), err
}

// code binds a preview to its caller, namespace, target and mode, until it expires. It is the expiry and an
// HMAC-SHA256 of all of it, cut to 80 bits, under a key that lives as long as the process.
func (s *server) code(ctx context.Context, r *ClearRequest, expires int64) string {
	mac := hmac.New(sha256.New, s.engine.secret[:])
	at := binary.BigEndian.AppendUint64(nil, uint64(expires)) //nolint:gosec // after 1970
	mac.Write(at)
	mac.Write(binary.BigEndian.AppendUint32(nil, s.env.Namespace))
	for _, part := range []string{command.CallOf(ctx).Caller.Name, r.Target, r.Mode} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(at, mac.Sum(nil)[:10]...))
}

// confirmed reports whether the request carries the code of its own preview, in time.
func (s *server) confirmed(ctx context.Context, r *ClearRequest) bool {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(r.Confirm)
	if err != nil || len(raw) < 8 {
		return false
	}
	expires := int64(binary.BigEndian.Uint64(raw)) //nolint:gosec // compared with a code that was made here
	return hmac.Equal([]byte(r.Confirm), []byte(s.code(ctx, r, expires))) && s.env.Clock.Now() < expires
}
