package core

import (
	"context"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// namespaceID is the permanent number of the structure that administers namespaces.
const namespaceID = 0x0B

// namespaces is the structure of the commands of those who look after namespaces. They are Acts, because what they change
// is the engine and not data of a namespace; their records are the engine's own.
func (e *Engine) namespaces() *command.Structure {
	return &command.Structure{
		Name: "namespace", ID: namespaceID,
		Summary: "Namespaces: walls between tenants, each with data and quotas of its own.",
		New:     func(command.Env) command.State { return &namespaces{engine: e} },
		Commands: []*command.Command{
			command.Act(command.Info{
				Name: "namespace.create", Op: 0x0B01, Access: auth.Admin, Args: "name quotas", Routes: []string{"POST /namespaces/:name"},
				Summary: "Make a namespace, perhaps with quotas of its own.",
				Doc: "A caller with admin access makes one by using it, too; everybody else can use only those that there are. A quota " +
					"that is not given is the server's default, and 0 is no limit.",
			}, (*namespaces).create),
			command.Read(command.Info{
				Name: "namespace.list", Op: 0x0B02, Open: true, Anyone: true, Args: "prefix", Routes: []string{"GET /namespaces"},
				Summary: "List the namespaces that you may use, with the quotas of their own.",
			}, (*namespaces).list),
			command.Act(command.Info{
				Name: "namespace.update", Op: 0x0B03, Access: auth.Admin, Hints: command.Idempotent, Args: "name quotas",
				Routes:  []string{"PATCH /namespaces/:name"},
				Summary: "Change a namespace's quotas.",
				Doc: "Those that are not named stay; null goes back to the server's default, 0 is no limit. They hold at once: what is over " +
					"them stays, and nothing is added to it.",
			}, (*namespaces).update),
			command.Act(command.Info{
				Name: "namespace.delete", Op: 0x0B04, Access: auth.Admin, Hints: command.Idempotent | command.Destructive, Args: "name",
				Routes:  []string{"DELETE /namespaces/:name"},
				Summary: "Delete a namespace with everything in it.",
				Doc: "Without confirm nothing happens, and the answer says what would go. Done, it is one record: after a crash all of it is gone " +
					"or none. Whoever waits or watches in it is sent away with not_found. A namespace that is made again under the name is " +
					"another one and empty. The default namespace cannot be deleted.",
			}, (*namespaces).delete),
			command.Read(command.Info{
				Name: "namespace.stats", Op: 0x0B05, Open: true, Anyone: true, Args: "name", Routes: []string{"GET /namespaces/:name"},
				Summary: "Report what a namespace holds, and how much it uses of its quotas.",
			}, (*namespaces).stats),
		},
	}
}

// namespaces is the State of that structure; it holds no data.
type namespaces struct {
	command.NoData
	engine *Engine
}

// maxAsked bounds how many quotas a request may name: there are not that many.
const maxAsked = 64

// CreateNamespaceRequest makes a namespace.
type CreateNamespaceRequest struct {
	Name   string            `json:"name" max:"63" jsonschema:"the namespace: a-z 0-9 . _ -, beginning with a letter or digit"`
	Quotas map[string]*int64 `json:"quotas,omitempty" jsonschema:"its own quotas, by name"`
}

// Describe says which quotas there are.
func (*CreateNamespaceRequest) Describe(s *jsonschema.Schema) { describeQuotas(s) }

// Resource is the namespace.
func (r *CreateNamespaceRequest) Resource() auth.Resource { return auth.Name("namespace", r.Name) }

// Validate checks the name and the quotas.
func (r *CreateNamespaceRequest) Validate() error { return validNamespace(r.Name, r.Quotas) }

func validNamespace(name string, asked map[string]*int64) error {
	if err := checkNamespace(name); err != nil {
		return err
	}
	if len(asked) > maxAsked {
		return fault.New(fault.TooLarge, "there are not that many quotas").With("field", "quotas")
	}
	_, err := quotasOf(quota.Own(), asked)
	return err
}

func describeQuotas(s *jsonschema.Schema) {
	least, most := 0.0, float64(quota.MaxLimit)
	p := &jsonschema.Schema{Type: "object", Description: s.Properties["quotas"].Description, Properties: map[string]*jsonschema.Schema{}}
	for _, q := range quota.All() {
		p.Properties[q.String()] = &jsonschema.Schema{
			Types: []string{"integer", "null"}, Minimum: &least, Maximum: &most,
			Description: q.Meaning() + "; 0 is no limit, null the server's default",
		}
	}
	s.Properties["quotas"] = p
}

// NamespaceResponse is a namespace and the quotas of its own.
type NamespaceResponse struct {
	Name   string           `json:"name"`
	Number uint32           `json:"number" jsonschema:"its number, which no other namespace ever has"`
	Quotas map[string]int64 `json:"quotas" jsonschema:"the quotas of its own, by name; what is missing is the server's default"`
	command.Receipt
}

func (s *namespaces) create(ctx context.Context, r *CreateNamespaceRequest) (resp NamespaceResponse, err error) {
	e := s.engine
	if _, err := command.CallOf(ctx).Caller.Select(r.Name); err != nil {
		return resp, err
	}
	own, err := quotasOf(quota.Own(), r.Quotas)
	if err != nil {
		return resp, err
	}
	if r.Name == DefaultNamespace {
		return resp, alreadyThere(r.Name)
	}
	space, seq, err := e.found(r.Name, true, own)
	if err != nil {
		return resp, err
	}
	resp = NamespaceResponse{Name: space.Name, Number: space.ID, Quotas: shown(own)}
	resp.Receipt, err = e.receipt(ctx, seq)
	return resp, err
}

// receipt waits until the record of an Act is as safe as its caller asked; 0 is none.
func (e *Engine) receipt(ctx context.Context, seq uint64) (r command.Receipt, err error) {
	if seq == 0 {
		return r, nil
	}
	standard, _ := e.journal.Levels()
	r.Version = seq
	if r.Durability, err = e.journal.Wait(ctx, seq, max(command.CallOf(ctx).Durability, standard)); err != nil {
		return r, fault.From(err).With("version", seq)
	}
	return r, nil
}

// UpdateNamespaceRequest changes a namespace's quotas.
type UpdateNamespaceRequest struct {
	Name   string            `json:"name" max:"63" jsonschema:"the namespace"`
	Quotas map[string]*int64 `json:"quotas" jsonschema:"the quotas to change, by name"`
}

// Describe says which quotas there are.
func (*UpdateNamespaceRequest) Describe(s *jsonschema.Schema) { describeQuotas(s) }

// Resource is the namespace.
func (r *UpdateNamespaceRequest) Resource() auth.Resource { return auth.Name("namespace", r.Name) }

// Validate checks the name and the quotas.
func (r *UpdateNamespaceRequest) Validate() error { return validNamespace(r.Name, r.Quotas) }

func (s *namespaces) update(ctx context.Context, r *UpdateNamespaceRequest) (resp NamespaceResponse, err error) {
	space, err := s.find(ctx, r.Name)
	if err != nil {
		return resp, err
	}
	own, seq, err := s.engine.requota(space, func(before quota.Limits) quota.Limits {
		after, _ := quotasOf(before, r.Quotas) // Validate has seen them
		return after
	})
	if err != nil {
		return resp, err
	}
	resp = NamespaceResponse{Name: space.Name, Number: space.ID, Quotas: shown(own)}
	resp.Receipt, err = s.engine.receipt(ctx, seq)
	return resp, err
}

// find returns a namespace that there is and that the caller may select; with "" the caller's own.
func (s *namespaces) find(ctx context.Context, name string) (*command.Space, error) {
	call := command.CallOf(ctx)
	if name == "" {
		name = call.Namespace
	}
	name, err := call.Caller.Select(name)
	if err != nil {
		return nil, err
	}
	return s.engine.Space(name, false)
}

// DeleteNamespaceRequest deletes a namespace.
type DeleteNamespaceRequest struct {
	Name    string `json:"name" max:"63" jsonschema:"the namespace"`
	Confirm string `json:"confirm,omitempty" max:"63" jsonschema:"the namespace's name once more; absent asks what would go, and changes nothing"`
}

// Resource is the namespace.
func (r *DeleteNamespaceRequest) Resource() auth.Resource { return auth.Name("namespace", r.Name) }

// Validate checks that it was meant.
func (r *DeleteNamespaceRequest) Validate() error {
	switch {
	case r.Name == DefaultNamespace:
		return fault.New(fault.Invalid, "the default namespace cannot be deleted: clear what is in it").With("field", "name")
	case r.Confirm != "" && r.Confirm != r.Name:
		return fault.New(fault.Invalid, "confirm repeats the name of the namespace that is to be deleted, %q", r.Name).With("field", "confirm")
	}
	return checkNamespace(r.Name)
}

// DeleteNamespaceResponse says what went, or would go.
type DeleteNamespaceResponse struct {
	Name       string                   `json:"name"`
	Done       bool                     `json:"done" jsonschema:"false when it was only asked: nothing was changed"`
	Structures map[string]command.Usage `json:"structures" jsonschema:"what it held, by structure; what held nothing is left out"`
	Confirm    string                   `json:"confirm,omitempty" jsonschema:"when it was only asked: what confirm has to be for it to be done"`
	command.Receipt
}

func (s *namespaces) delete(ctx context.Context, r *DeleteNamespaceRequest) (resp DeleteNamespaceResponse, err error) {
	e := s.engine
	space, err := s.find(ctx, r.Name)
	if err != nil {
		return resp, err
	}
	resp = DeleteNamespaceResponse{Name: space.Name, Structures: e.held(space)}
	if r.Confirm == "" {
		resp.Confirm = space.Name
		return resp, nil
	}
	seq, err := e.drop(space)
	if err != nil {
		return resp, err
	}
	resp.Done = true
	resp.Receipt, err = e.receipt(ctx, seq)
	return resp, err
}

// held is what a namespace holds, by structure.
func (e *Engine) held(space *command.Space) map[string]command.Usage {
	all := map[string]command.Usage{}
	for place, st := range e.table.Structures() {
		if space.Shared != nil && space.Shared[place] {
			continue
		}
		if u := space.States[place].Stats(); u != (command.Usage{}) {
			all[st.Name] = u
		}
	}
	return all
}

// ListNamespacesRequest asks for a page of namespaces.
type ListNamespacesRequest struct {
	Prefix string `json:"prefix,omitempty" max:"63" jsonschema:"only names that begin so"`
	Limit  int    `json:"limit,omitempty" default:"100" min:"1" max:"1000" jsonschema:"at most so many"`
	Cursor string `json:"cursor,omitempty" max:"63" jsonschema:"next_cursor of the page before"`
}

// ListNamespacesResponse is a page of namespaces, by name.
type ListNamespacesResponse struct {
	Items      []NamespaceItem `json:"items"`
	NextCursor string          `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

// NamespaceItem is a namespace in a list.
type NamespaceItem struct {
	Name   string           `json:"name"`
	Number uint32           `json:"number"`
	Quotas map[string]int64 `json:"quotas,omitempty" jsonschema:"the quotas of its own"`
}

func (s *namespaces) list(ctx context.Context, r *ListNamespacesRequest) (ListNamespacesResponse, error) {
	e, resp := s.engine, ListNamespacesResponse{Items: []NamespaceItem{}}
	caller := command.CallOf(ctx).Caller
	for _, space := range e.Namespaces() {
		if _, err := caller.Select(space.Name); err != nil || !strings.HasPrefix(space.Name, r.Prefix) || space.Name <= r.Cursor {
			continue
		}
		if len(resp.Items) == r.Limit {
			resp.NextCursor = resp.Items[r.Limit-1].Name
			break
		}
		e.mu.Lock()
		own := e.ownQuotas(space)
		e.mu.Unlock()
		resp.Items = append(resp.Items, NamespaceItem{space.Name, space.ID, shown(own)})
	}
	return resp, nil
}

// NamespaceStatsRequest names a namespace.
type NamespaceStatsRequest struct {
	Name string `json:"name,omitempty" max:"63" jsonschema:"the namespace; absent is your own"`
}

// NamespaceStatsResponse is what a namespace holds and may hold.
type NamespaceStatsResponse struct {
	Name       string                   `json:"name"`
	Number     uint32                   `json:"number" jsonschema:"its number, which no other namespace ever has"`
	Bytes      int64                    `json:"bytes" jsonschema:"about how much memory its data takes"`
	Structures map[string]command.Usage `json:"structures" jsonschema:"what it holds, by structure; what holds nothing is left out"`
	Quotas     map[string]QuotaUse      `json:"quotas" jsonschema:"each quota: its limit and what is used of it"`
}

func (s *namespaces) stats(ctx context.Context, r *NamespaceStatsRequest) (resp NamespaceStatsResponse, err error) {
	e := s.engine
	space, err := s.find(ctx, r.Name)
	if err != nil {
		return resp, err
	}
	return NamespaceStatsResponse{
		Name: space.Name, Number: space.ID, Bytes: space.Bytes(), Structures: e.held(space), Quotas: e.uses(space, true),
	}, nil
}
