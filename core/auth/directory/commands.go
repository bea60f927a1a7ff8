package directory

import (
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// commands is everything that can be asked about who there is.
func commands() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "auth.key.create", Op: 0x0A01, Open: true, Access: auth.Admin, Secret: true, Args: "name",
			Summary: "Make an API key, and tell its secret this once.",
			Doc: "Its rights are those of its roles and its own permissions together; without either it may do nothing. Nobody can give " +
				"rights or namespaces that they do not have. Only a hash of the secret is kept: who loses it makes another with auth.key.rotate.",
		}, (*Directory).createKey),
		command.Read(command.Info{
			Name: "auth.key.list", Op: 0x0A02, Open: true, Access: auth.Admin, Args: "prefix",
			Summary: "List API keys, by name.",
		}, (*Directory).listKeys),
		command.Write(command.Info{
			Name: "auth.key.revoke", Op: 0x0A03, Open: true, Frees: true, Access: auth.Admin, Hints: command.Destructive, Args: "key",
			Summary: "Revoke an API key, for good.",
			Doc:     "Its watches and connections end within a second.",
		}, (*Directory).revokeKey),
		command.Write(command.Info{
			Name: "auth.key.rotate", Op: 0x0A04, Open: true, Access: auth.Admin, Secret: true, Args: "key",
			Summary: "Give an API key a new secret, and tell it this once.",
			Doc: "The one before goes on working for the overlap, so that nothing stops while the new one is brought to where it is used; " +
				"then what still runs with it ends. A key has two secrets at most: one that is older still ends at once.",
		}, (*Directory).rotateKey),
		command.Write(command.Info{
			Name: "auth.key.update", Op: 0x0A10, Open: true, Access: auth.Admin, Hints: command.Idempotent, Args: "key",
			Summary: "Change what an API key is called, may do, how fast it may be, or when it expires.",
			Doc: "What is absent stays as it is, and its secrets go on working. Whoever has it has the new rights at once; what goes on " +
				"with it and needs rights that were taken away ends within a second. A key that has expired lives again with another ttl.",
		}, (*Directory).updateKey),
		command.Write(command.Info{
			Name: "auth.user.create", Op: 0x0A05, Open: true, Access: auth.Admin, Secret: true, Args: "name",
			Summary: "Make a user, who signs in with a name and a password.",
			Doc:     "Users are for people; programs have keys. The password is kept as an Argon2id hash.",
		}, (*Directory).createUser),
		command.Read(command.Info{
			Name: "auth.user.list", Op: 0x0A06, Open: true, Access: auth.Admin, Args: "prefix",
			Summary: "List users, by name.",
		}, (*Directory).listUsers),
		command.Write(command.Info{
			Name: "auth.user.update", Op: 0x0A07, Open: true, Access: auth.Admin, Secret: true, Args: "name",
			Summary: "Change a user's password or rights, or keep it from signing in.",
			Doc:     "What is absent stays as it is. A new password, and disabling, end what the user has open within a second; so does taking rights away, for what needs them.",
		}, (*Directory).updateUser),
		command.Write(command.Info{
			Name: "auth.user.delete", Op: 0x0A08, Open: true, Frees: true, Access: auth.Admin, Hints: command.Destructive, Args: "name",
			Summary: "Delete a user.",
		}, (*Directory).deleteUser),
		command.Write(command.Info{
			Name: "auth.role.create", Op: 0x0A09, Open: true, Access: auth.Admin, Args: "name permissions...",
			Summary: "Make a role: a named list of permissions.",
			Doc: "A permission is written access:structure:name, such as read:kv:user:*. The access is read, write or admin, each of which " +
				"includes those before it; the structure is one of them or * for all; in the name * stands for any run of characters, and " +
				"without a name it is every name. A request for many names, such as a prefix, must be covered as a whole by one permission.",
		}, (*Directory).createRole),
		command.Read(command.Info{
			Name: "auth.role.list", Op: 0x0A0A, Open: true, Access: auth.Admin,
			Summary: "List the roles that there are, and what they allow.",
		}, (*Directory).listRoles),
		command.Write(command.Info{
			Name: "auth.role.delete", Op: 0x0A0B, Open: true, Frees: true, Access: auth.Admin, Hints: command.Destructive, Args: "name",
			Summary: "Delete a role that nobody has.",
		}, (*Directory).deleteRole),
		command.Write(command.Info{
			Name: "auth.role.grant", Op: 0x0A0C, Open: true, Access: auth.Admin, Hints: command.Idempotent, Args: "name permissions...",
			Summary: "Add permissions to a role.",
			Doc:     "Whoever has the role has them at once.",
		}, (*Directory).grantRole),
		command.Write(command.Info{
			Name: "auth.role.revoke", Op: 0x0A0D, Open: true, Frees: true, Access: auth.Admin, Hints: command.Idempotent, Args: "name permissions...",
			Summary: "Take permissions away from a role.",
			Doc:     "Watches and waits that need them end within a second.",
		}, (*Directory).ungrantRole),
		command.Read(command.Info{
			Name: "auth.whoami", Op: 0x0A0E, Open: true, Anyone: true,
			Summary: "Say who the server takes you for, and what you may do.",
		}, (*Directory).whoami),
		command.Act(command.Info{
			Name: "auth.ticket", Op: 0x0A0F, Open: true, Anyone: true, Secret: true,
			Summary: "Get a ticket with which one WebSocket can be opened in your name.",
			Doc: "For browsers, whose WebSockets cannot send a key: it goes into the address, as /v1/ws?ticket=…, where a key must never be. It is " +
				"good for one connection within 30 seconds.",
		}, (*Directory).ticket),
	}
}
