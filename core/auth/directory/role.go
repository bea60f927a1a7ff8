package directory

import (
	"context"
	"maps"
	"slices"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// RoleRequest names a role and permissions.
type RoleRequest struct {
	Name        string   `json:"name" max:"64" jsonschema:"the role"`
	Permissions []string `json:"permissions" min:"1" max:"256" jsonschema:"permissions, each written like write:queue:jobs or read:kv:user:*"`
}

// Validate refuses what cannot be.
func (r *RoleRequest) Validate() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	_, err := parsePermissions(r.Permissions)
	return err
}

// Role is a role.
type Role struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions" jsonschema:"what it allows"`
	Builtin     bool     `json:"builtin,omitempty" jsonschema:"true for one that there always is, and that cannot be changed"`
	CreatedAt   int64    `json:"created_at,omitempty" jsonschema:"in Unix milliseconds; absent of a built-in one"`
	CreatedBy   string   `json:"created_by,omitempty"`
}

// RoleResponse is a role as it is by now.
type RoleResponse struct {
	Role
	command.Receipt
}

func (r *role) shown() Role {
	return Role{Name: r.name, Permissions: shown(r.permissions), Builtin: r.created == 0, CreatedAt: r.created, CreatedBy: r.by}
}

func (d *Directory) createRole(_ context.Context, tx *command.Tx, r *RoleRequest) (resp RoleResponse, err error) {
	permissions, err := parsePermissions(r.Permissions)
	if err != nil {
		return resp, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.role(r.Name) != nil:
		return resp, fault.New(fault.AlreadyExists, "there is a role %q", r.Name)
	case d.roles.Len() >= MaxRoles:
		return resp, fault.New(fault.Exhausted, "there are %d roles, and no more are allowed", MaxRoles).With("limit", MaxRoles)
	}
	if err := mayGive(tx.Caller(), permissions); err != nil {
		return resp, err
	}
	made := &role{name: r.Name, permissions: permissions, created: tx.Now(), by: tx.Caller().Name}
	_, err = tx.Commit(&roleOp{made})
	resp.Role = made.shown()
	return resp, err
}

// RolesRequest asks for nothing in particular.
type RolesRequest struct{}

// RolesResponse is all roles, by name.
type RolesResponse struct {
	Items []Role `json:"items"`
}

func (d *Directory) listRoles(context.Context, *RolesRequest) (RolesResponse, error) {
	resp := RolesResponse{Items: []Role{}}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(d.builtin)) {
		resp.Items = append(resp.Items, d.builtin[name].shown())
	}
	d.roles.Scan(func(_ string, r *role) bool {
		resp.Items = append(resp.Items, r.shown())
		return true
	})
	return resp, nil
}

// own returns a role that can be changed, by this caller. d.mu is held.
func (d *Directory) own(caller *auth.Identity, name string) (*role, error) {
	if d.builtin[name] != nil {
		return nil, fault.New(fault.Denied, "the role %s is built in and cannot be changed: make one of your own with auth.role.create", name)
	}
	r, ok := d.roles.Get(name)
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no role %q", clip(name))
	}
	return r, mayGive(caller, r.permissions)
}

func (d *Directory) deleteRole(_ context.Context, tx *command.Tx, r *NameRequest) (resp NameResponse, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.own(tx.Caller(), r.Name); err != nil {
		return resp, err
	}
	holders := 0
	d.keys.Scan(func(_ string, k *key) bool {
		if slices.Contains(k.roles, r.Name) {
			holders++
		}
		return true
	})
	d.users.Scan(func(_ string, u *user) bool {
		if slices.Contains(u.roles, r.Name) {
			holders++
		}
		return true
	})
	if holders > 0 {
		return resp, fault.New(fault.Conflict, "%d keys and users have the role %s: take it from them first, or revoke its permissions", holders, r.Name).
			With("holders", holders)
	}
	resp.Name = r.Name
	_, err = tx.Commit(&dropOp{opNoRole, r.Name})
	return resp, err
}

func (d *Directory) grantRole(_ context.Context, tx *command.Tx, r *RoleRequest) (RoleResponse, error) {
	return d.changeRole(tx, r, func(have []auth.Permission, p auth.Permission) []auth.Permission {
		if slices.Contains(have, p) {
			return have
		}
		return append(have, p)
	})
}

func (d *Directory) ungrantRole(_ context.Context, tx *command.Tx, r *RoleRequest) (RoleResponse, error) {
	return d.changeRole(tx, r, func(have []auth.Permission, p auth.Permission) []auth.Permission {
		return slices.DeleteFunc(have, func(one auth.Permission) bool { return one == p })
	})
}

// changeRole changes a role's permissions by each of the request's.
func (d *Directory) changeRole(tx *command.Tx, r *RoleRequest, change func([]auth.Permission, auth.Permission) []auth.Permission) (resp RoleResponse, err error) {
	asked, err := parsePermissions(r.Permissions)
	if err != nil {
		return resp, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old, err := d.own(tx.Caller(), r.Name)
	if err == nil {
		err = mayGive(tx.Caller(), asked)
	}
	if err != nil {
		return resp, err
	}
	permissions := slices.Clone(old.permissions)
	for _, p := range asked {
		permissions = change(permissions, p)
	}
	if len(permissions) > maxPermissions {
		return resp, fault.New(fault.TooLarge, "the role would have %d permissions; %d are allowed", len(permissions), maxPermissions).With("limit", maxPermissions)
	}
	permissions, _ = parsePermissions(shown(permissions)) // in order
	made := &role{name: old.name, permissions: permissions, created: old.created, by: old.by}
	if !slices.Equal(permissions, old.permissions) {
		if _, err = tx.Commit(&roleOp{made}); err != nil {
			return resp, err
		}
	}
	resp.Role = made.shown()
	return resp, nil
}
