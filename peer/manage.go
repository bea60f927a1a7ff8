package peer

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// AddRequest is a peer to link with.
type AddRequest struct {
	Name        string      `json:"name" max:"64" jsonschema:"what the peer is called here: a-z 0-9 . _ -"`
	URL         string      `json:"url" max:"1024" jsonschema:"where it is: umicps://host:port or wss://host:port/umicp; without the s in this machine only, or without a credential"`
	Credential  string      `json:"credential,omitempty" max:"64" jsonschema:"under which name this server finds the key to show there; absent shows none"`
	Certificate string      `json:"certificate,omitempty" max:"64" jsonschema:"under which name this server finds the certificate to show there, and its key; absent shows none"`
	Namespace   string      `json:"namespace,omitempty" max:"63" jsonschema:"the namespace at the peer; absent is its key's own"`
	Rules       []RuleInput `json:"rules,omitempty" max:"64" jsonschema:"what flows"`
	Paused      bool        `json:"paused,omitempty" jsonschema:"make no link for now"`
	Configured  bool        `json:"configured,omitempty" jsonschema:"it stands in the server's configuration, which replaces and removes it"`
}

// Resource is the peer.
func (r *AddRequest) Resource() auth.Resource { return auth.Name(structureName, r.Name) }

// Validate refuses what cannot be a peer.
func (r *AddRequest) Validate() error {
	p, err := r.peer(0, "")
	if err != nil {
		return err
	}
	return p.valid()
}

func (r *AddRequest) peer(now int64, by string) (*Peer, error) {
	made, err := rules(r.Rules)
	return &Peer{
		Name: r.Name, URL: r.URL, Credential: r.Credential, Certificate: r.Certificate, Remote: r.Namespace, Paused: r.Paused, Configured: r.Configured,
		Created: now, By: by, Rules: made,
	}, err
}

// valid is all that is asked of a peer that somebody wants.
func (p *Peer) valid() error {
	if err := p.check(); err != nil {
		return err
	}
	return checkURL(p.URL, p.Credential != "", p.Certificate != "")
}

// ChangedResponse is the peer as it is now.
type ChangedResponse struct {
	Name string `json:"name"`
	command.Receipt
}

func (p *Peers) add(_ context.Context, tx *command.Tx, r *AddRequest) (resp ChangedResponse, err error) {
	made, err := r.peer(tx.Now(), tx.Caller().Name)
	if err != nil {
		return resp, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.peers.Get(r.Name); there {
		return resp, fault.New(fault.AlreadyExists, "there is a peer %q: change it with peer.update", r.Name)
	}
	if p.peers.Len() >= MaxPeers {
		return resp, fault.New(fault.Exhausted, "there are %d peers, and no more are allowed", MaxPeers).With("limit", MaxPeers)
	}
	_, err = tx.Commit(&peerOp{made})
	return ChangedResponse{Name: r.Name}, err
}

// UpdateRequest changes a peer.
type UpdateRequest struct {
	Name        string       `json:"name" max:"64" jsonschema:"the peer"`
	URL         string       `json:"url,omitempty" max:"1024" jsonschema:"where it is now"`
	Credential  *string      `json:"credential,omitempty" jsonschema:"the name of another credential; the empty text shows no key"`
	Certificate *string      `json:"certificate,omitempty" jsonschema:"the name of another certificate; the empty text shows none"`
	Namespace   *string      `json:"namespace,omitempty" jsonschema:"another namespace at the peer; the empty text is its key's own"`
	Rules       *[]RuleInput `json:"rules,omitempty" jsonschema:"what flows, in place of all rules there are"`
	Paused      *bool        `json:"paused,omitempty" jsonschema:"true ends the link for now, false makes it again"`
}

// Resource is the peer.
func (r *UpdateRequest) Resource() auth.Resource { return auth.Name(structureName, r.Name) }

// Validate wants something to change.
func (r *UpdateRequest) Validate() error {
	if r.URL == "" && r.Credential == nil && r.Certificate == nil && r.Namespace == nil && r.Rules == nil && r.Paused == nil {
		return fault.New(fault.Invalid, "nothing to change: give at least one of url, credential, certificate, namespace, rules, paused")
	}
	if r.Rules == nil {
		return nil
	}
	_, err := rules(*r.Rules)
	return err
}

// over is the peer as it is asked to be.
func (r *UpdateRequest) over(before *Peer) (*Peer, error) {
	after := *before
	if r.URL != "" {
		after.URL = r.URL
	}
	if r.Credential != nil {
		after.Credential = *r.Credential
	}
	if r.Certificate != nil {
		after.Certificate = *r.Certificate
	}
	if r.Namespace != nil {
		after.Remote = *r.Namespace
	}
	if r.Rules != nil {
		after.Rules, _ = rules(*r.Rules) // Validate has seen them
	}
	if r.Paused != nil {
		after.Paused = *r.Paused
	}
	return &after, after.valid()
}

func (p *Peers) update(_ context.Context, tx *command.Tx, r *UpdateRequest) (resp ChangedResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, there := p.peers.Get(r.Name)
	if !there {
		return resp, noPeer(r.Name)
	}
	after, err := r.over(before)
	if err != nil {
		return resp, err
	}
	_, err = tx.Commit(&peerOp{after})
	return ChangedResponse{Name: r.Name}, err
}

func noPeer(name string) error {
	return fault.New(fault.NotFound, "there is no peer %q", clip(name))
}

// NameRequest names a peer.
type NameRequest struct {
	Name string `json:"name" max:"64" jsonschema:"the peer"`
}

// Resource is the peer.
func (r *NameRequest) Resource() auth.Resource { return auth.Name(structureName, r.Name) }

// RemoveResponse says whether there was something to end.
type RemoveResponse struct {
	Found bool `json:"found" jsonschema:"whether there was such a peer"`
	command.Receipt
}

func (p *Peers) remove(_ context.Context, tx *command.Tx, r *NameRequest) (resp RemoveResponse, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.peers.Get(r.Name); !there {
		return resp, nil
	}
	_, err = tx.Commit(&dropOp{r.Name})
	return RemoveResponse{Found: true}, err
}

// ListRequest asks which peers there are.
type ListRequest struct {
	Prefix string `json:"prefix,omitempty" max:"64" jsonschema:"only peers whose names begin so"`
	Cursor string `json:"cursor,omitempty" max:"64" jsonschema:"next_cursor of the page before"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"at most so many"`
}

// Resource is everything under the prefix.
func (r *ListRequest) Resource() auth.Resource {
	return auth.Resource{Structure: structureName, Name: r.Prefix, Match: auth.Prefix}
}

// ListResponse is a page of peers, by name.
type ListResponse struct {
	Items      []Line `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// Line is one peer, and how its link fares.
type Line struct {
	Name        string      `json:"name"`
	URL         string      `json:"url"`
	Credential  string      `json:"credential,omitempty" jsonschema:"the name under which this server finds the key to show there"`
	Certificate string      `json:"certificate,omitempty" jsonschema:"the name under which it finds the certificate to show there"`
	Namespace   string      `json:"namespace,omitempty" jsonschema:"at the peer; absent is its key's own"`
	Rules       []RuleInput `json:"rules"`
	Configured  bool        `json:"configured,omitempty" jsonschema:"true when it stands in the server's configuration"`
	CreatedAt   int64       `json:"created_at" jsonschema:"in Unix milliseconds"`
	CreatedBy   string      `json:"created_by"`
	Status
}

// Status is how a link fares. All counts are since it was made, which it is anew when the server starts and the peer is changed.
type Status struct {
	State     string `json:"state" jsonschema:"connected; connecting; waiting, before the next attempt; paused; off, when this process makes no links"`
	Since     int64  `json:"since,omitempty" jsonschema:"since when it is in that state, in Unix milliseconds"`
	Node      string `json:"node,omitempty" jsonschema:"which node the peer is; known once it was connected"`
	LastError string `json:"last_error,omitempty" jsonschema:"what went wrong last"`
	ErrorAt   int64  `json:"error_at,omitempty" jsonschema:"when, in Unix milliseconds"`
	Attempts  uint64 `json:"attempts,omitempty" jsonschema:"how often a connection was tried"`
	Rooms     int    `json:"rooms,omitempty" jsonschema:"how many partitions of rooms are followed, those of both directions counted twice"`
	In        uint64 `json:"in,omitempty" jsonschema:"events that were taken in from the peer"`
	Out       uint64 `json:"out,omitempty" jsonschema:"events that the peer took in from here"`
	Passed    uint64 `json:"passed,omitempty" jsonschema:"events that were there already, having come another way, or made there"`
	Lost      uint64 `json:"lost,omitempty" jsonschema:"events that a room had let go of before they were read"`
	LagMS     int64  `json:"lag_ms,omitempty" jsonschema:"how old the oldest of them is, in milliseconds; without a connection, at most: since when the link may be behind, as what came since is not known"`
	Behind    uint64 `json:"behind,omitempty" jsonschema:"events that are known and not yet taken over, in both directions"`
}

// States of a link.
const (
	Connected  = "connected"
	Connecting = "connecting"
	Waiting    = "waiting"
	Paused     = "paused"
	Off        = "off"
)

func (p *Peers) list(_ context.Context, r *ListRequest) (resp ListResponse, err error) {
	all := p.All() // whose states are asked for without the lock
	byName := func(from string, visit func(string, *Peer) bool) {
		for _, peer := range all {
			if peer.Name >= from && !visit(peer.Name, peer) {
				return
			}
		}
	}
	resp.Items, resp.NextCursor = command.Page(byName, r.Prefix, r.Cursor, r.Limit, func(_ string, peer *Peer) Line {
		return Line{
			Name: peer.Name, URL: peer.URL, Credential: peer.Credential, Certificate: peer.Certificate, Namespace: peer.Remote, Rules: shown(peer.Rules),
			Configured: peer.Configured, CreatedAt: peer.Created, CreatedBy: peer.By, Status: p.status(peer),
		}
	})
	return resp, nil
}

// status is how the link to a peer fares.
func (p *Peers) status(peer *Peer) Status {
	var s Status
	var linked bool
	if p.links != nil {
		s, linked = p.links.Status(p.env.Namespace, peer.Name)
	}
	switch {
	case linked:
	case peer.Paused:
		s.State = Paused
	case p.links == nil:
		s.State = Off
	default:
		s.State = Connecting
	}
	return s
}
