package peer

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
)

// Direction says which way changes flow. The numbers are permanent.
type Direction uint8

// The directions, as this server sees them.
const (
	In   Direction = 1 // from the peer to here
	Out  Direction = 2 // from here to the peer
	Both Direction = 3
)

var directions = [...]string{"", "in", "out", "both"}

// String returns "in", "out" or "both".
func (d Direction) String() string { return directions[d] }

// Rule is what flows.
type Rule struct {
	Kind      Kind
	Pattern   string // a name, or the beginning of names and a *; of topics levels, of which * is any one and # all that follow
	Direction Direction
}

// Kind is what kind of things flow. The numbers are permanent.
type Kind uint8

// The kinds.
const (
	Rooms       Kind = 1 // events of rooms
	Collections Kind = 2 // points of collections
	Topics      Kind = 3 // messages of topics
)

// RuleInput is a rule as it is asked for and shown.
type RuleInput struct {
	Rooms       string `json:"rooms,omitempty" jsonschema:"the rooms whose events flow: a name, or the beginning of names and a *"`
	Collections string `json:"collections,omitempty" jsonschema:"or the collections whose points flow, in the same way"`
	Topics      string `json:"topics,omitempty" jsonschema:"or the topics whose messages flow: a pattern, in which * is exactly one level and # at the end any number of levels"`
	Direction   string `json:"direction,omitempty" jsonschema:"in: from the peer to here; out: from here to the peer; both, which is what is meant when it is absent"`
}

const (
	maxNameBytes = 64
	maxURLBytes  = 1024
	maxRoomBytes = 512
	maxNodeBytes = 64
)

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// checkName refuses what no peer and no credential is called.
func checkName(field, name string) error {
	if len(name) > maxNameBytes || !namePattern.MatchString(name) {
		return fault.New(fault.Invalid, "%q is no name of a %s: it is 1 to %d of a-z 0-9 . _ -, beginning with a letter or digit",
			clip(name), field, maxNameBytes).With("field", field)
	}
	return nil
}

var nodePattern = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// checkNode refuses what no node is called.
func checkNode(node string) error {
	if len(node) > maxNodeBytes || !nodePattern.MatchString(node) {
		return fault.New(fault.Invalid, "%q is no node: peer.hello says what one is called", clip(node))
	}
	return nil
}

func (r Rule) check() error {
	star := strings.IndexByte(r.Pattern, '*')
	switch {
	case r.Kind < Rooms || r.Kind > Topics, r.Pattern == "" || len(r.Pattern) > maxRoomBytes || !utf8.ValidString(r.Pattern):
		return fault.New(fault.Invalid, "a rule names rooms, collections or topics, by a name or a pattern of at most %d bytes", maxRoomBytes).With("field", "rules")
	case r.Kind == Topics:
		if err := checkTopics(r.Pattern); err != nil {
			return err
		}
	case star >= 0 && star < len(r.Pattern)-1:
		return fault.New(fault.Invalid, "%q: a * stands at the end only, for all that begin so", clip(r.Pattern)).With("field", "rules")
	}
	if r.Direction < In || r.Direction > Both {
		return fault.New(fault.Invalid, "a rule's direction is in, out or both").With("field", "rules")
	}
	return nil
}

// maxLevels is how many levels topics have.
const maxLevels = 32

// checkTopics refuses what is no pattern of topics: levels between dots, of which one may be * and the last one #.
func checkTopics(pattern string) error {
	levels := strings.Split(pattern, ".")
	wrong := len(levels) > maxLevels || strings.ContainsFunc(pattern, func(r rune) bool { return r < ' ' })
	for i, level := range levels {
		wild := strings.ContainsAny(level, "*#")
		wrong = wrong || level == "" || (wild && level != "*" && (level != "#" || i < len(levels)-1))
	}
	if wrong {
		return fault.New(fault.Invalid, "%q is no pattern of topics: levels between dots, %d at most, of which one may be *, for any one, and the last one #, for all that follow",
			clip(pattern), maxLevels).With("field", "rules")
	}
	return nil
}

// Permissions are the names of permissions for all that a rule names, and as little more as there are words for.
func (r Rule) Permissions() []string {
	if r.Kind != Topics {
		return []string{r.Pattern}
	}
	head, deep := strings.CutSuffix(r.Pattern, "#")
	switch {
	case !deep:
		return []string{r.Pattern}
	case head == "":
		return []string{"*"}
	}
	return []string{head + "*", strings.TrimSuffix(head, ".")}
}

// check refuses a peer that cannot be, whatever is thought of its URL.
func (p *Peer) check() error {
	if err := checkName("peer", p.Name); err != nil {
		return err
	}
	if p.Credential != "" {
		if err := checkName("credential", p.Credential); err != nil {
			return err
		}
	}
	if p.Certificate != "" {
		if err := checkName("certificate", p.Certificate); err != nil {
			return err
		}
	}
	if p.Remote != "" {
		if err := checkName("namespace", p.Remote); err != nil {
			return err
		}
	}
	if len(p.Rules) > MaxRules {
		return fault.New(fault.TooLarge, "%d rules; a peer has at most %d", len(p.Rules), MaxRules).With("limit", MaxRules)
	}
	for _, r := range p.Rules {
		if err := r.check(); err != nil {
			return err
		}
	}
	if p.URL == "" || len(p.URL) > maxURLBytes {
		return fault.New(fault.Invalid, "a URL has 1 to %d bytes", maxURLBytes).With("field", "url")
	}
	return nil
}

// checkURL refuses what cannot be dialled, what would show a key to whoever listens on the way, and where no certificate can be shown.
func checkURL(text string, withKey, withCertificate bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return fault.New(fault.Invalid, "%q is not a URL like umicps://berlin.example.org:15502", clip(text)).With("field", "url")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fault.New(fault.Invalid, "the URL says where the peer is and nothing else: its key has a credential's name").With("field", "url")
	}
	switch u.Scheme {
	case "umicps", "wss":
		return nil
	case "umicp", "ws":
		if withCertificate {
			return fault.New(fault.Invalid, "%s: is not encrypted, and certificates are shown over TLS only: use %ss:", u.Scheme, u.Scheme).With("field", "url")
		}
		if withKey && !loopback(u.Hostname()) {
			return fault.New(fault.Invalid, "%s: is not encrypted, and the key could be read on the way to %s: use %ss:", u.Scheme, clip(u.Hostname()), u.Scheme).
				With("field", "url")
		}
		return nil
	}
	return fault.New(fault.Invalid, "links are made over umicp, umicps, ws or wss, not %q", clip(u.Scheme)).With("field", "url")
}

// loopback reports whether the host is this machine: what goes there leaves it never. It may be asked of names before they
// can be resolved, so that only one name counts.
func loopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		a, _ := netip.AddrFromSlice(ip)
		return a.Unmap().IsLoopback()
	}
	return host == "localhost"
}

// clip shortens what a caller sent before it is repeated.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// rules makes rules of what was asked for.
func rules(asked []RuleInput) ([]Rule, error) {
	all := make([]Rule, len(asked))
	for i, a := range asked {
		all[i] = Rule{Kind: Rooms, Pattern: a.Rooms}
		given := 0
		for _, of := range []Rule{{Kind: Rooms, Pattern: a.Rooms}, {Kind: Collections, Pattern: a.Collections}, {Kind: Topics, Pattern: a.Topics}} {
			if of.Pattern != "" {
				all[i] = of
				given++
			}
		}
		if given > 1 {
			return nil, fault.New(fault.Invalid, "a rule names rooms, collections or topics, one of them").With("field", "rules").With("index", i)
		}
		switch a.Direction {
		case "":
			all[i].Direction = Both
		case "in":
			all[i].Direction = In
		case "out":
			all[i].Direction = Out
		case "both":
			all[i].Direction = Both
		}
		if err := all[i].check(); err != nil {
			return nil, fault.From(err).With("index", i)
		}
	}
	return all, nil
}

func shown(rules []Rule) []RuleInput {
	all := make([]RuleInput, len(rules))
	for i, r := range rules {
		all[i].Direction = r.Direction.String()
		switch r.Kind {
		case Collections:
			all[i].Collections = r.Pattern
		case Topics:
			all[i].Topics = r.Pattern
		default:
			all[i].Rooms = r.Pattern
		}
	}
	return all
}
