package peer

import (
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
)

// commands is everything that can be asked about peers. Names and numbers are permanent. There are no tools among them:
// a language model does not decide with whom a server talks.
func commands() []*command.Command {
	return append([]*command.Command{
		command.Write(command.Info{
			Name: "peer.add", Op: 0x1101, Access: auth.Admin, Args: "name url", Routes: []string{"PUT /peers/:name"},
			Summary: "Link the namespace with one of another server, and say what flows.",
			Doc: "The key to show there is never a part of this: credential is a name under which the server finds it, in its environment as " +
				"SYNAP_PEER_KEY_<NAME> or as a file of that name in the folder peers.keys. So it is with certificate, which is shown to a peer that " +
				"asks for one, and found as <name>.pem and <name>.key in the folder peers.certs. What flows in is written as peer:<name>. Events of " +
				"rooms, points of collections and messages of topics flow; a rule for anything else is refused.",
		}, (*Peers).add),
		command.Write(command.Info{
			Name: "peer.update", Op: 0x1102, Access: auth.Admin, Hints: command.Idempotent, Args: "name", Routes: []string{"PATCH /peers/:name"},
			Summary: "Change a peer: where it is, which key and certificate it is shown, what flows, or that nothing does for now.",
			Doc:     "What is absent stays as it is. The link is made anew, and goes on from where it was.",
		}, (*Peers).update),
		command.Write(command.Info{
			Name: "peer.remove", Op: 0x1103, Access: auth.Admin, Frees: true, Hints: command.Destructive, Args: "name", Routes: []string{"DELETE /peers/:name"},
			Summary: "End the link with a peer.",
			Doc: "What came from it stays, and so does how far it had come: added again, it goes on from there, and nothing comes twice. " +
				"peer.forget drops that.",
		}, (*Peers).remove),
		command.Read(command.Info{
			Name: "peer.list", Op: 0x1104, Access: auth.Admin, Args: "prefix", Routes: []string{"GET /peers"},
			Summary: "List peers, how their links fare and what went wrong last.",
			Doc:     "Of keys and certificates there is nothing but their names.",
		}, (*Peers).list),
	}, exchange()...)
}

// exchange is what servers ask each other.
func exchange() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "peer.hello", Op: 0x1105, Hints: command.Idempotent,
			Summary: "Say which node the namespace is, among all that exchange events.",
			Doc:     "It gets its name when it is first asked, and keeps it for good.",
		}, (*Peers).hello),
		command.Read(command.Info{
			Name: "peer.reached", Op: 0x1106, Args: "node room partition",
			Summary: "Say how far a room or a collection of another node was read.",
		}, (*Peers).reached),
		command.Write(command.Info{
			Name: "peer.advance", Op: 0x1107,
			Summary: "Say that a room of another node was read further.",
			Doc: "It is a part of peer.apply, which makes it one record with what was read. Conflict when how far it had come is not what the " +
				"request says: somebody else was faster.",
		}, (*Peers).advance),
		command.Compose(command.Info{
			Name: "peer.apply", Op: 0x1108, Access: auth.Write,
			Summary: "Take in events of another node's room, and how far it was read, as one.",
			Doc: "Events that are here already, or were made here, are passed over, whichever way they came. It needs leave to write the room, " +
				"too. Conflict when the room was read further meanwhile: ask peer.reached, and read on from there.",
		}, (*Peers).apply),
		command.Write(command.Info{
			Name: "peer.forget", Op: 0x1109, Access: auth.Admin, Frees: true, Hints: command.Destructive, Args: "node",
			Summary: "Forget how far everything of a node had come.",
			Doc:     "For a node that is gone for good. If it is not, all that its rooms still hold comes again.",
		}, (*Peers).forget),
		command.Write(command.Info{
			Name: "peer.stamp", Op: 0x110A, Hints: command.Idempotent,
			Summary: "Note which points of a collection were changed here.",
			Doc: "Whoever carries a collection says so first, as vector.watch tells it: then each point's newest change has a time and a node, " +
				"by which all agree on which of several is the last. What was noted before, or came from elsewhere, is passed over.",
		}, (*Peers).stamp),
		command.Read(command.Info{
			Name: "peer.changes", Op: 0x110B, Args: "collection",
			Summary: "List which change each point of a collection is the outcome of, as far as that is noted.",
		}, (*Peers).changes),
		command.Write(command.Info{
			Name: "peer.merge", Op: 0x110C,
			Summary: "Say of which changes points of a collection are now the outcome, and how far another node was read.",
			Doc:     "It is a part of peer.settle, which makes it one record with the points. Conflict when something is not news any more.",
		}, (*Peers).merge),
		command.Compose(command.Info{
			Name: "peer.settle", Op: 0x110D, Access: auth.Write,
			Summary: "Take in changes of another node's collection, and how far it was read, as one.",
			Doc: "Of two changes of a point the later one stays, by time and at the same time by node, whichever way and in whatever order they come. " +
				"Conflict when a point has changed here and that is not noted yet, or when the collection was read further meanwhile.",
		}, (*Peers).settle),
	}
}
