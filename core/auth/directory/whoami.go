package directory

import (
	"context"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// WhoamiRequest asks for nothing in particular.
type WhoamiRequest struct{}

// WhoamiResponse is who the caller is.
type WhoamiResponse struct {
	Name          string   `json:"name" jsonschema:"what you are called"`
	Key           string   `json:"key,omitempty" jsonschema:"the id of the API key that you called with; absent for people, and where nobody is asked who calls"`
	Namespace     string   `json:"namespace" jsonschema:"where your commands work"`
	Namespaces    []string `json:"namespaces,omitempty" jsonschema:"further namespaces that you may select"`
	AnyNamespace  bool     `json:"any_namespace,omitempty" jsonschema:"true when you may select every namespace"`
	Permissions   []string `json:"permissions" jsonschema:"what you may do: access:structure:name"`
	Administrator bool     `json:"administrator,omitempty" jsonschema:"true when you may do everything"`
	Profile       string   `json:"profile,omitempty" jsonschema:"the only profile of MCP tools that your key is for; absent is any"`
	ExpiresAt     int64    `json:"expires_at,omitempty" jsonschema:"when your key expires, in Unix milliseconds; absent is never"`
}

func (d *Directory) whoami(ctx context.Context, _ *WhoamiRequest) (WhoamiResponse, error) {
	call := command.CallOf(ctx)
	who, err := call.Caller.In(call.Namespace)
	if err != nil {
		return WhoamiResponse{}, err
	}
	resp := WhoamiResponse{
		Name: who.Name, Key: who.Key, Namespace: who.Namespace, Namespaces: who.Namespaces, AnyNamespace: who.Namespaces == nil,
		Profile: who.Profile, Permissions: shown(who.Permissions()), Administrator: who.Everywhere(auth.Admin),
	}
	if k, ok := d.byID.Load(who.Key); ok && who.Key != "" {
		resp.ExpiresAt = k.(*key).expires
	}
	return resp, nil
}
