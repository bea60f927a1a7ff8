package vector

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/collection"
)

// condition lets a transaction depend on a point: a condition with the field point is this one's.
var condition = &command.Condition{Check: "vector.check", Field: "point", Marks: []string{"version"}}

// checking declares the command that makes a condition of a point.
func checking() *command.Command {
	return command.Read(command.Info{
		Name: "vector.check", Op: 0x050f, Args: "collection point",
		Summary: "Check that a point is as you expect: conflict if it is not.",
		Doc: "This is how a transaction depends on a point: a condition of txn.exec is a request of this command. A point that does not " +
			"exist has version 0.",
	}, (*Collections).expect)
}

// CheckRequest says what is expected of a point. What is not given is not checked.
type CheckRequest struct {
	Collection string        `json:"collection" jsonschema:"the collection"`
	Point      collection.ID `json:"point" jsonschema:"the point's id"`
	Version    *uint64       `json:"version,omitempty" jsonschema:"the version that it has; 0 means that there is none"`
	Exists     *bool         `json:"exists,omitempty" jsonschema:"whether it exists"`
}

// Resource is the collection.
func (r *CheckRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate refuses expectations that contradict each other.
func (r *CheckRequest) Validate() error {
	if r.Version != nil && r.Exists != nil && (*r.Version != 0) != *r.Exists {
		return fault.New(fault.Invalid, `"version" is %d and "exists" %t: nothing is both`, *r.Version, *r.Exists).With("field", "exists")
	}
	return nil
}

// CheckResponse is what there is.
type CheckResponse struct {
	Exists  bool   `json:"exists" jsonschema:"whether the point exists"`
	Version uint64 `json:"version" jsonschema:"the version that it has; 0 when it does not exist"`
}

func (s *Collections) expect(_ context.Context, r *CheckRequest) (resp CheckResponse, err error) {
	e, err := s.look(r.Collection)
	if err != nil {
		return resp, err
	}
	e.RLock()
	defer e.RUnlock()
	if p := e.Find(r.Point, s.env.Clock.Now()); p != nil {
		resp = CheckResponse{true, p.Version}
	}
	switch {
	case r.Version != nil && *r.Version != resp.Version:
		return resp, command.Unmet("version", *r.Version, resp.Version, "point %q has the version %d; %d was expected", r.Point, resp.Version, *r.Version)
	case r.Exists != nil && *r.Exists != resp.Exists && resp.Exists:
		return resp, command.Unmet("exists", false, true, "point %q exists", r.Point)
	case r.Exists != nil && *r.Exists != resp.Exists:
		return resp, command.Unmet("exists", true, false, "there is no point %q", r.Point)
	}
	return resp, nil
}
