package directory

import (
	"context"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// CreateUserRequest describes a user.
type CreateUserRequest struct {
	Name     string `json:"name" max:"64" jsonschema:"what it signs in with"`
	Password string `json:"password" max:"1024" jsonschema:"8 bytes at least"`
	Rights
}

// Validate refuses what cannot be.
func (r *CreateUserRequest) Validate() error {
	if err := checkName(r.Name); err != nil {
		return err
	}
	if strings.Contains(r.Name, ":") {
		return fault.New(fault.Invalid, "a user's name has no colon").With("field", "name")
	}
	return r.Rights.Validate()
}

// Describe says that the password is one, so that it is shown to nobody.
func (*CreateUserRequest) Describe(s *jsonschema.Schema) {
	s.Properties["password"].Format = "password"
}

// User is what can be told of a user.
type User struct {
	Name        string   `json:"name"`
	Roles       []string `json:"roles,omitempty"`
	Permissions []string `json:"permissions,omitempty" jsonschema:"what it may do besides what its roles allow"`
	Home        string   `json:"home" jsonschema:"the namespace that it belongs to"`
	Namespaces  []string `json:"namespaces,omitempty" jsonschema:"further namespaces that it may select; * is every one"`
	Disabled    bool     `json:"disabled,omitempty" jsonschema:"true when it may not sign in"`
	CreatedAt   int64    `json:"created_at" jsonschema:"in Unix milliseconds"`
	CreatedBy   string   `json:"created_by"`
	LastUsedAt  int64    `json:"last_used_at,omitempty" jsonschema:"in Unix milliseconds, to the second; absent is never"`
}

// UserResponse is a user as it is by now.
type UserResponse struct {
	User
	command.Receipt
}

func (u *user) shown() User {
	return User{
		Name: u.name, Roles: u.roles, Permissions: shown(u.permissions), Home: u.home, Namespaces: u.namespaces,
		Disabled: u.disabled, CreatedAt: u.created, CreatedBy: u.by, LastUsedAt: u.used.Load(),
	}
}

func (d *Directory) createUser(ctx context.Context, tx *command.Tx, r *CreateUserRequest) (resp UserResponse, err error) {
	password, err := d.hashPassword(ctx, r.Password) // before the lock: it takes a while
	if err != nil {
		return resp, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users.Len() >= MaxUsers {
		return resp, fault.New(fault.Exhausted, "there are %d users, and no more are allowed", MaxUsers).With("limit", MaxUsers)
	}
	given, err := d.rightsOf(tx.Caller(), &r.Rights)
	if err == nil {
		err = d.taken(r.Name)
	}
	if err != nil {
		return resp, err
	}
	u := &user{rights: given, name: r.Name, created: tx.Now(), by: tx.Caller().Name, password: password}
	_, err = tx.Commit(&userOp{u})
	resp.User = u.shown()
	return resp, err
}

// UsersResponse is a page of users, by name.
type UsersResponse struct {
	Items      []User `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" jsonschema:"pass it as cursor for the next page; absent on the last one"`
}

func (d *Directory) listUsers(_ context.Context, r *ListRequest) (resp UsersResponse, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	resp.Items, resp.NextCursor = command.Page(d.users.Ascend, r.Prefix, r.Cursor, r.Limit, func(_ string, u *user) User {
		return u.shown()
	})
	return resp, nil
}

// UpdateUserRequest changes a user; what is absent stays as it is.
type UpdateUserRequest struct {
	Name        string    `json:"name" max:"64" jsonschema:"the user"`
	Password    string    `json:"password,omitempty" max:"1024" jsonschema:"a new password"`
	Roles       *[]string `json:"roles,omitempty" max:"32" jsonschema:"all of its roles from now on"`
	Permissions *[]string `json:"permissions,omitempty" max:"256" jsonschema:"all of its own permissions from now on"`
	Disabled    *bool     `json:"disabled,omitempty" jsonschema:"whether it is kept from signing in"`
}

// Describe says that the password is one.
func (*UpdateUserRequest) Describe(s *jsonschema.Schema) {
	s.Properties["password"].Format = "password"
}

func (d *Directory) updateUser(ctx context.Context, tx *command.Tx, r *UpdateUserRequest) (resp UserResponse, err error) {
	password := ""
	if r.Password != "" {
		if password, err = d.hashPassword(ctx, r.Password); err != nil {
			return resp, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old, err := d.userNamed(r.Name)
	if err == nil {
		err = d.reaches(tx.Caller(), &old.rights)
	}
	if err != nil {
		return resp, err
	}
	wanted := Rights{Roles: old.roles, Permissions: shown(old.permissions), Home: old.home, Namespaces: old.namespaces}
	if r.Roles != nil {
		wanted.Roles = *r.Roles
	}
	if r.Permissions != nil {
		wanted.Permissions = *r.Permissions
	}
	u := &user{name: old.name, created: old.created, by: old.by, disabled: old.disabled, password: old.password, saved: old.saved}
	u.used.Store(old.used.Load())
	if u.rights, err = d.rightsOf(tx.Caller(), &wanted); err != nil {
		return resp, err
	}
	if password != "" {
		u.password = password
	}
	if r.Disabled != nil {
		u.disabled = *r.Disabled
	}
	_, err = tx.Commit(&userOp{u})
	resp.User = u.shown()
	return resp, err
}

func (d *Directory) userNamed(name string) (*user, error) {
	if u, ok := d.users.Get(name); ok {
		return u, nil
	}
	return nil, fault.New(fault.NotFound, "there is no user %q", clip(name))
}

// NameRequest names a user or a role.
type NameRequest struct {
	Name string `json:"name" max:"64" jsonschema:"its name"`
}

// NameResponse says what was changed.
type NameResponse struct {
	Name string `json:"name"`
	command.Receipt
}

func (d *Directory) deleteUser(_ context.Context, tx *command.Tx, r *NameRequest) (resp NameResponse, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, err := d.userNamed(r.Name)
	if err == nil {
		err = d.reaches(tx.Caller(), &u.rights)
	}
	if err != nil {
		return resp, err
	}
	resp.Name = u.name
	_, err = tx.Commit(&dropOp{opNoUser, u.name})
	return resp, err
}
