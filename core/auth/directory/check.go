package directory

import (
	"fmt"

	"github.com/hivellm/synap-go/core/auth"
)

// Check implements command.State.
func (d *Directory) Check() (err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	byID := 0
	d.byID.Range(func(id, x any) bool {
		byID++
		k := x.(*key)
		if at, ok := d.keys.Get(k.place()); !ok || at != k || id != k.id {
			err = fmt.Errorf("the key %s is not found by its name", id)
		}
		for _, s := range k.secrets {
			err = firstOf(err, checkPrincipal(s.principal, k.name, d.permissionsOf(&k.rights)))
		}
		if len(k.secrets) < 1 || len(k.secrets) > 2 || len(k.allowed) != len(k.networks) {
			err = fmt.Errorf("the key %s is not as it should be", id)
		}
		return err == nil
	})
	if err == nil && byID != d.keys.Len() {
		err = fmt.Errorf("%d keys have an id, and %d a name", byID, d.keys.Len())
	}
	d.users.Scan(func(name string, u *user) bool {
		if name != u.name {
			err = fmt.Errorf("the user %s is found as %s", u.name, name)
		}
		if _, gone := u.principal.Identity(); u.disabled != (gone != nil) {
			err = fmt.Errorf("the user %s is disabled: %v, but: %w", name, u.disabled, gone)
		}
		err = firstOf(err, checkPrincipal(u.principal, name, d.permissionsOf(&u.rights)))
		return err == nil
	})
	d.roles.Scan(func(name string, r *role) bool {
		if name != r.name || d.builtin[name] != nil {
			err = fmt.Errorf("the role %s is found as %s", r.name, name)
		}
		return err == nil
	})
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkPrincipal wants whoever is somebody to have just these permissions.
func checkPrincipal(p *auth.Principal, name string, want []auth.Permission) error {
	who, err := p.Identity()
	if err != nil {
		return nil //nolint:nilerr // nobody has none
	}
	have := who.Permissions()
	if who.Name != name || len(have) != len(want) {
		return fmt.Errorf("%s goes by %s, with %v, and should have %v", name, who.Name, have, want)
	}
	for i := range have {
		if have[i] != want[i] {
			return fmt.Errorf("%s has %v, and should have %v", name, have, want)
		}
	}
	return nil
}
