package pubsub

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidwall/btree"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// The headers that say where a message comes from that was published at another server. Only who may write peers may set
// headers that begin so.
const (
	reserved     = "synap."
	headerOrigin = "synap.origin" // node:run:number
	headerBy     = "synap.by"     // who published it there
	headerAt     = "synap.at"     // when, in Unix milliseconds
)

// stamp says which one a message is among all that were published at any server, and, of those that are retained, which is the
// later one.
type stamp struct {
	time   int64  // of what is retained or forgotten, in Unix milliseconds; later than all that its maker knew of
	node   string // where it was published; "" is here
	number uint64 // which one it was there
}

// later reports whether the stamp is later than another: by time, then by node, so that all who know both agree. here is what
// the server is called among nodes.
func (s *stamp) later(o *stamp, here string) bool {
	return cmp.Or(cmp.Compare(s.time, o.time), strings.Compare(cmp.Or(s.node, here), cmp.Or(o.node, here)), cmp.Compare(s.number, o.number)) > 0
}

// after makes a message that is published here later than what its topic kept, even if its clock is behind.
func (m *Message) after(before *Message) {
	m.time = m.PublishedAt
	if before == nil {
		return
	}
	m.time = max(m.time, before.time)
	if m.time == before.time && (before.node != "" || m.number <= before.number) {
		m.time++
	}
}

// Origin is where a message comes from, as whoever carries it to another server has to know it.
type Origin struct {
	Node      string `json:"node,omitempty" jsonschema:"the node where it was published; absent is here"`
	Run       string `json:"run,omitempty" jsonschema:"the life of that server in which numbers are counted"`
	Number    uint64 `json:"number" jsonschema:"which one it is there"`
	Hops      int    `json:"hops,omitempty" jsonschema:"how many servers have carried it"`
	Via       string `json:"via,omitempty" jsonschema:"the node that it was taken in from"`
	Time      int64  `json:"time,omitempty" jsonschema:"of what is retained or forgotten: which is the later one, in Unix milliseconds"`
	Retain    bool   `json:"retain,omitempty" jsonschema:"true when it is to be retained"`
	Forgotten bool   `json:"forgotten,omitempty" jsonschema:"true when it is no message, but its topic lets go of the one that it retained"`
}

// origins say of messages where they come from.
func (b *Broker) origins(messages []*Message) []Origin {
	all := make([]Origin, len(messages))
	for i, m := range messages {
		all[i] = Origin{
			Node: m.node, Run: m.run, Number: m.number, Hops: m.hops, Via: m.via, Time: m.time,
			Retain: m.keep || m.Retained, Forgotten: m.gone,
		}
		if m.node == "" {
			all[i].Run = b.run
		}
	}
	return all
}

var nodePattern = regexp.MustCompile(`^[A-Za-z0-9]{1,64}$`)

// CheckNode refuses what no node and no run of one is called.
func CheckNode(node string) error {
	if !nodePattern.MatchString(node) {
		return fault.New(fault.Invalid, "%q is no node: peer.hello says what one is called", clip(node))
	}
	return nil
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// marked is the headers of a message from elsewhere with where it comes from.
func marked(headers map[string]string, o *Origin, by string, at int64) map[string]string {
	all := make(map[string]string, len(headers)+3)
	for k, v := range headers {
		all[k] = v
	}
	all[headerOrigin] = o.Node + ":" + o.Run + ":" + strconv.FormatUint(o.Number, 10)
	if by != "" {
		all[headerBy] = by
	}
	if at > 0 {
		all[headerAt] = strconv.FormatInt(at, 10)
	}
	return all
}

func anyReserved(headers map[string]string) bool {
	for k := range headers {
		if strings.HasPrefix(k, reserved) {
			return true
		}
	}
	return false
}

func errReserved() error {
	return fault.New(fault.Denied, "headers that begin with %s say where messages of other servers come from; who sets them needs write access to peers",
		reserved).With("field", "headers")
}

// checkReserved refuses such headers to whoever may not exchange messages with other servers.
func (r *PublishRequest) checkReserved(caller *auth.Identity) error {
	found := anyReserved(r.Headers)
	for i := range r.Messages {
		found = found || anyReserved(r.Messages[i].Headers)
	}
	if found && caller.Check(auth.Write, auth.Any("peer")) != nil {
		return errReserved()
	}
	return nil
}

func byTime() *btree.BTreeG[*Message] {
	return btree.NewBTreeGOptions(func(a, b *Message) bool {
		return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.Topic, b.Topic)) < 0
	}, btree.Options{NoLocks: true})
}

// last is what the topic retains, or when it let go of that; nil is nothing. b.mu is held.
func (b *Broker) last(topic string) *Message {
	if m, ok := b.retained.Get(topic); ok {
		return m
	}
	m, _ := b.graves.Get(topic)
	return m
}

// maxGraves is MaxGraves. It is a variable so that tests can make it small.
var maxGraves = MaxGraves

// roomForGraves returns the ops that make room for so many graves: the oldest go. b.mu is held.
func (b *Broker) roomForGraves(n int) (ops []journal.Op) {
	surplus := b.graves.Len() + n - maxGraves
	b.oldest.Scan(func(m *Message) bool {
		if surplus <= 0 {
			return false
		}
		ops = append(ops, &retainOp{topic: m.Topic})
		surplus--
		return true
	})
	return ops
}

// buried calls f for the graves of topics that the pattern matches. b.mu is held.
func (b *Broker) buried(pattern string, f func(m *Message)) {
	prefix := literal(pattern)
	b.graves.Ascend(prefix, func(topic string, m *Message) bool {
		if !strings.HasPrefix(topic, prefix) {
			return false
		}
		if Match(pattern, topic) {
			f(m)
		}
		return true
	})
}

// tellCarriers tells those who carry messages to other servers, and nobody else.
func (b *Broker) tellCarriers(m *Message) {
	for _, s := range b.receivers(m.Topic) {
		if s.carrier {
			s.deliver(m)
		}
	}
}

// waiting is how many messages are in the mailbox.
func (s *subscription) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}
