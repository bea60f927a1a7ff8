package directory

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The ops. Numbers and encodings are permanent (uv is an unsigned varint; a string is its length as uv and its bytes; a list
// is how many as uv and then each; times are Unix milliseconds as uv, 0 is never):
//
//	rights ┌─────────────┬────────────────────┬──────────────┬──────────────────┐
//	       │ roles, list │ permissions, list  │ home, string │ namespaces, list │
//	       │ of strings  │ of strings         │              │ of strings       │
//	       └─────────────┴────────────────────┴──────────────┴──────────────────┘
//	1 key  ┌────────────┬──────────────┬─────────┬────────────┬─────────────┬─────────────┬────────┬────────────────┬─────────────────────┐
//	       │ id, string │ name, string │ created │ by, string │ expires     │ last used   │ rights │ networks, list │ secrets, list of    │
//	       │            │              │         │            │             │             │        │ of strings     │ SHA-256 (32 bytes), │
//	       │            │              │         │            │             │             │        │                │ created, expires    │
//	       └────────────┴──────────────┴─────────┴────────────┴─────────────┴─────────────┴────────┴────────────────┴─────────────────────┘
//	       Behind it, if the key has a rate of its own or a profile: requests a second and at once, both uv, 0 is none.
//	       Behind that, if it has a profile: the profile, string.
//	2 no key   id, to the end
//	3 user ┌──────────────┬─────────┬────────────┬───────────┬──────────────┬────────┬──────────────────────────────┐
//	       │ name, string │ created │ by, string │ last used │ disabled, u8 │ rights │ password, string: a PHC string│
//	       └──────────────┴─────────┴────────────┴───────────┴──────────────┴────────┴──────────────────────────────┘
//	4 no user  name, to the end
//	5 role ┌──────────────┬─────────┬────────────┬───────────────────┐
//	       │ name, string │ created │ by, string │ permissions, list │
//	       └──────────────┴─────────┴────────────┴───────────────────┘
//	6 no role  name, to the end
//	7 used     list of: 0 and a key's id, or 1 and a user's name (u8, string), and when it last called
//
// Each is a final state, so that the last one counts and one that comes twice does no more than once.
const (
	opKey    = 1
	opNoKey  = 2
	opUser   = 3
	opNoUser = 4
	opRole   = 5
	opNoRole = 6
	opUsed   = 7
)

type (
	keyOp  struct{ key *key }
	userOp struct{ user *user }
	roleOp struct{ role *role }
	usedOp struct{ used []use }

	// dropOp lets go of a key, user or role; kind says of which.
	dropOp struct {
		kind byte
		name string
	}
)

// use is when somebody last called.
type use struct {
	user bool
	name string // a key's id, or a user's name
	at   int64
}

// Kind implements journal.Op, as do the following methods.
func (*keyOp) Kind() byte { return opKey }

// Kind is that of a user.
func (*userOp) Kind() byte { return opUser }

// Kind is that of a role.
func (*roleOp) Kind() byte { return opRole }

// Kind is that of last uses.
func (*usedOp) Kind() byte { return opUsed }

// Kind is one of three.
func (op *dropOp) Kind() byte { return op.kind }

// Target is the key's id; nobody follows it.
func (op *keyOp) Target() (string, bool) { return op.key.id, false }

// Target is the user's name.
func (op *userOp) Target() (string, bool) { return op.user.name, false }

// Target is the role's name.
func (op *roleOp) Target() (string, bool) { return op.role.name, false }

// Target is nothing: it is about many.
func (*usedOp) Target() (string, bool) { return "", false }

// Target is what is let go of.
func (op *dropOp) Target() (string, bool) { return op.name, false }

// Size is about what it takes in memory.
func (op *keyOp) Size() int { return 300 + op.key.rights.size() }

// Size is about what it takes in memory.
func (op *userOp) Size() int { return 300 + op.user.rights.size() }

// Size is about what it takes in memory.
func (op *roleOp) Size() int { return 100 + 64*len(op.role.permissions) }

// Size is about what it takes in memory.
func (op *usedOp) Size() int { return 48 + 64*len(op.used) }

// Size is about what it takes in memory.
func (op *dropOp) Size() int { return 48 + len(op.name) }

func (r *rights) size() int { return 64 * (len(r.roles) + len(r.permissions) + len(r.namespaces)) }

// AppendTo writes the box above.
func (op *keyOp) AppendTo(b []byte) []byte {
	k := op.key
	b = appendText(appendText(b, k.id), k.name)
	b = appendText(appendTime(b, k.created), k.by)
	b = appendTime(appendTime(b, k.expires), k.used.Load())
	b = appendList(appendRights(b, &k.rights), k.networks)
	b = binary.AppendUvarint(b, uint64(len(k.secrets)))
	for _, s := range k.secrets {
		b = appendTime(appendTime(append(b, s.hash[:]...), s.created), s.expires)
	}
	if k.rate != (keyRate{}) || k.profile != "" {
		b = appendTime(appendTime(b, k.rate.perSecond), k.rate.burst)
	}
	if k.profile != "" {
		b = appendText(b, k.profile)
	}
	return b
}

// AppendTo writes the box above.
func (op *userOp) AppendTo(b []byte) []byte {
	u := op.user
	b = appendText(appendTime(appendText(b, u.name), u.created), u.by)
	disabled := byte(0)
	if u.disabled {
		disabled = 1
	}
	b = append(appendTime(b, u.used.Load()), disabled)
	return appendText(appendRights(b, &u.rights), u.password)
}

// AppendTo writes the box above.
func (op *roleOp) AppendTo(b []byte) []byte {
	r := op.role
	b = appendText(appendTime(appendText(b, r.name), r.created), r.by)
	return appendPermissions(b, r.permissions)
}

// AppendTo writes what the table above says.
func (op *usedOp) AppendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(op.used)))
	for _, u := range op.used {
		kind := byte(0)
		if u.user {
			kind = 1
		}
		b = appendTime(appendText(append(b, kind), u.name), u.at)
	}
	return b
}

// AppendTo writes the name.
func (op *dropOp) AppendTo(b []byte) []byte { return append(b, op.name...) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, at int64) []byte {
	return binary.AppendUvarint(b, uint64(at)) //nolint:gosec // never negative
}

func appendList(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

func appendPermissions(b []byte, list []auth.Permission) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, p := range list {
		b = appendText(b, p.String())
	}
	return b
}

func appendRights(b []byte, r *rights) []byte {
	b = appendPermissions(appendList(b, r.roles), r.permissions)
	return appendList(appendText(b, r.home), r.namespaces)
}

// decodeOp reads what AppendTo wrote.
func decodeOp(kind byte, data []byte) (op journal.Op, err error) {
	r := reader{journal.NewReader(data)}
	switch kind {
	case opKey:
		op = &keyOp{r.key()}
	case opUser:
		op = &userOp{r.user()}
	case opRole:
		op = &roleOp{r.role()}
	case opUsed:
		op = &usedOp{r.used()}
	case opNoKey, opNoUser, opNoRole:
		if op = (&dropOp{kind, r.Rest()}); len(data) == 0 {
			r.Fail()
		}
	default:
		r.Fail()
	}
	if !r.Whole() {
		return nil, fault.New(fault.Corrupt, "an auth op of kind %d cannot be read", kind)
	}
	return op, nil
}

// reader takes ops apart.
type reader struct{ journal.Reader }

func (r *reader) list(most int) []string {
	n := r.Count(1)
	if n > most {
		r.Fail()
		return nil
	}
	all := make([]string, 0, n)
	for range n {
		all = append(all, r.Text())
	}
	return all
}

func (r *reader) permissions() []auth.Permission {
	texts := r.list(maxPermissions)
	all := make([]auth.Permission, 0, len(texts))
	for _, text := range texts {
		p, err := auth.ParsePermission(text)
		if err != nil {
			r.Fail()
		}
		all = append(all, p)
	}
	return all
}

func (r *reader) rights() rights {
	return rights{roles: r.list(maxRolesEach), permissions: r.permissions(), home: r.Text(), namespaces: r.list(maxNamespaces)}
}

func (r *reader) key() *key {
	k := &key{id: r.Text(), name: r.Text(), created: r.Int(), by: r.Text(), expires: r.Int()}
	k.saved = r.Int()
	k.used.Store(k.saved)
	k.rights, k.networks = r.rights(), r.list(maxNetworks)
	for _, text := range k.networks {
		p, err := parseNetwork(text)
		if err != nil {
			r.Fail()
		}
		k.allowed = append(k.allowed, p)
	}
	secrets := r.Count(34)
	if secrets < 1 || secrets > 2 || !auth.ValidID(k.id) || checkName(k.name) != nil {
		r.Fail()
		return k
	}
	for range secrets {
		s := &secret{}
		for i := range s.hash {
			s.hash[i] = r.Byte(255)
		}
		s.created, s.expires = r.Int(), r.Int()
		k.secrets = append(k.secrets, s)
	}
	if r.More() {
		r.beyond(k)
	}
	return k
}

// beyond reads what only some keys have.
func (r *reader) beyond(k *key) {
	k.rate = keyRate{r.Int(), r.Int()}
	profiled := r.More()
	if profiled {
		k.profile = r.Text()
	}
	switch none := k.rate == (keyRate{}); {
	case k.rate.perSecond > maxRate, k.rate.burst > maxRate, k.rate.perSecond < 1 && !none:
		r.Fail()
	case profiled != (k.profile != ""), none && !profiled, checkProfile(k.profile) != nil: // it would have been written otherwise
		r.Fail()
	}
}

func (r *reader) user() *user {
	u := &user{name: r.Text(), created: r.Int(), by: r.Text()}
	u.saved = r.Int()
	u.used.Store(u.saved)
	u.disabled, u.rights, u.password = r.Flag(), r.rights(), r.Text()
	if checkName(u.name) != nil {
		r.Fail()
	}
	if _, _, _, _, _, err := argonParams(u.password); err != nil {
		r.Fail()
	}
	return u
}

func (r *reader) role() *role {
	x := &role{name: r.Text(), created: r.Int(), by: r.Text(), permissions: r.permissions()}
	if checkName(x.name) != nil {
		r.Fail()
	}
	return x
}

func (r *reader) used() []use {
	n := r.Count(3)
	all := make([]use, 0, n)
	for range n {
		all = append(all, use{r.Flag(), r.Text(), r.Int()})
	}
	return all
}
