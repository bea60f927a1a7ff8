package client

// Code generated from the command table by `make generate`; DO NOT EDIT.

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// beside are the operations that may take a while: each call has a stream of its own.
var beside = map[string]bool{
	"agent.inbox":          true,
	"agent.unread":         true,
	"agent.watch":          true,
	"auth.key.create":      true,
	"auth.key.list":        true,
	"auth.key.revoke":      true,
	"auth.key.rotate":      true,
	"auth.key.update":      true,
	"auth.role.create":     true,
	"auth.role.delete":     true,
	"auth.role.grant":      true,
	"auth.role.list":       true,
	"auth.role.revoke":     true,
	"auth.ticket":          true,
	"auth.user.create":     true,
	"auth.user.delete":     true,
	"auth.user.list":       true,
	"auth.user.update":     true,
	"auth.whoami":          true,
	"memory.search":        true,
	"memory.store":         true,
	"memory.update":        true,
	"namespace.create":     true,
	"namespace.delete":     true,
	"namespace.list":       true,
	"namespace.stats":      true,
	"namespace.update":     true,
	"peer.apply":           true,
	"peer.settle":          true,
	"persistence.backup":   true,
	"persistence.snapshot": true,
	"persistence.status":   true,
	"pubsub.carry":         true,
	"pubsub.listen":        true,
	"pubsub.request":       true,
	"queue.receive":        true,
	"server.browse":        true,
	"server.clear":         true,
	"server.clients":       true,
	"server.disconnect":    true,
	"server.execute":       true,
	"server.help":          true,
	"server.hotkeys":       true,
	"server.info":          true,
	"server.query":         true,
	"server.slowlog":       true,
	"server.status":        true,
	"server.watch":         true,
	"stream.group.fetch":   true,
	"stream.read":          true,
	"transaction.discard":  true,
	"transaction.exec":     true,
	"transaction.multi":    true,
	"transaction.queue":    true,
	"transaction.unwatch":  true,
	"transaction.watch":    true,
	"txn.exec":             true,
	"vector.search":        true,
	"vector.set_payload":   true,
	"vector.upsert":        true,
}

// AgentForget is agent.forget: forget an agent with all that waits for it, or only its messages.
func (c *Client) AgentForget(ctx context.Context, request *AgentForgetRequest, opts ...Option) (*AgentForgetResponse, error) {
	response := new(AgentForgetResponse)
	return response, c.Call(ctx, "agent.forget", request, response, opts...)
}

// AgentInbox is agent.inbox: read the messages in your inbox, oldest first, and mark them read.
func (c *Client) AgentInbox(ctx context.Context, request *AgentInboxRequest, opts ...Option) (*AgentInboxResponse, error) {
	response := new(AgentInboxResponse)
	return response, c.Call(ctx, "agent.inbox", request, response, opts...)
}

// AgentInboxEach is agent.inbox again and again, as long as this side takes what it is given.
func (c *Client) AgentInboxEach(ctx context.Context, request *AgentInboxRequest, opts ...Option) iter.Seq2[*AgentInboxResponse, error] {
	return RepeatAs[AgentInboxResponse](c.Repeat(ctx, "agent.inbox", request, opts...))
}

// AgentList is agent.list: list the agents that there are, with how much waits for each.
func (c *Client) AgentList(ctx context.Context, request *AgentListRequest, opts ...Option) (*AgentListResponse, error) {
	response := new(AgentListResponse)
	return response, c.Call(ctx, "agent.list", request, response, opts...)
}

// AgentSend is agent.send: send a message to another agent, or to all.
func (c *Client) AgentSend(ctx context.Context, request *AgentSendRequest, opts ...Option) (*AgentSendResponse, error) {
	response := new(AgentSendResponse)
	return response, c.Call(ctx, "agent.send", request, response, opts...)
}

// AgentUnread is agent.unread: look at the messages in your inbox and leave them unread.
func (c *Client) AgentUnread(ctx context.Context, request *AgentUnreadRequest, opts ...Option) (*AgentUnreadResponse, error) {
	response := new(AgentUnreadResponse)
	return response, c.Call(ctx, "agent.unread", request, response, opts...)
}

// AgentWatch is agent.watch: follow what arrives in your inbox.
func (c *Client) AgentWatch(ctx context.Context, request *AgentWatchRequest, opts ...Option) iter.Seq2[Event[AgentWatchEvent], error] {
	return WatchAs[AgentWatchEvent](c.Watch(ctx, "agent.watch", request, opts...))
}

// AuthKeyCreate is auth.key.create: make an API key, and tell its secret this once.
func (c *Client) AuthKeyCreate(ctx context.Context, request *AuthKeyCreateRequest, opts ...Option) (*AuthKeyCreateResponse, error) {
	response := new(AuthKeyCreateResponse)
	return response, c.Call(ctx, "auth.key.create", request, response, opts...)
}

// AuthKeyList is auth.key.list: list API keys, by name.
func (c *Client) AuthKeyList(ctx context.Context, request *AuthKeyListRequest, opts ...Option) (*AuthKeyListResponse, error) {
	response := new(AuthKeyListResponse)
	return response, c.Call(ctx, "auth.key.list", request, response, opts...)
}

// AuthKeyRevoke is auth.key.revoke: revoke an API key, for good.
func (c *Client) AuthKeyRevoke(ctx context.Context, request *AuthKeyRevokeRequest, opts ...Option) (*AuthKeyRevokeResponse, error) {
	response := new(AuthKeyRevokeResponse)
	return response, c.Call(ctx, "auth.key.revoke", request, response, opts...)
}

// AuthKeyRotate is auth.key.rotate: give an API key a new secret, and tell it this once.
func (c *Client) AuthKeyRotate(ctx context.Context, request *AuthKeyRotateRequest, opts ...Option) (*AuthKeyCreateResponse, error) {
	response := new(AuthKeyCreateResponse)
	return response, c.Call(ctx, "auth.key.rotate", request, response, opts...)
}

// AuthKeyUpdate is auth.key.update: change what an API key is called, may do, how fast it may be, or when it expires.
func (c *Client) AuthKeyUpdate(ctx context.Context, request *AuthKeyUpdateRequest, opts ...Option) (*AuthKeyUpdateResponse, error) {
	response := new(AuthKeyUpdateResponse)
	return response, c.Call(ctx, "auth.key.update", request, response, opts...)
}

// AuthRoleCreate is auth.role.create: make a role: a named list of permissions.
func (c *Client) AuthRoleCreate(ctx context.Context, request *AuthRoleCreateRequest, opts ...Option) (*AuthRoleCreateResponse, error) {
	response := new(AuthRoleCreateResponse)
	return response, c.Call(ctx, "auth.role.create", request, response, opts...)
}

// AuthRoleDelete is auth.role.delete: delete a role that nobody has.
func (c *Client) AuthRoleDelete(ctx context.Context, request *AuthRoleDeleteRequest, opts ...Option) (*AuthRoleDeleteResponse, error) {
	response := new(AuthRoleDeleteResponse)
	return response, c.Call(ctx, "auth.role.delete", request, response, opts...)
}

// AuthRoleGrant is auth.role.grant: add permissions to a role.
func (c *Client) AuthRoleGrant(ctx context.Context, request *AuthRoleCreateRequest, opts ...Option) (*AuthRoleCreateResponse, error) {
	response := new(AuthRoleCreateResponse)
	return response, c.Call(ctx, "auth.role.grant", request, response, opts...)
}

// AuthRoleList is auth.role.list: list the roles that there are, and what they allow.
func (c *Client) AuthRoleList(ctx context.Context, request *AuthRoleListRequest, opts ...Option) (*AuthRoleListResponse, error) {
	response := new(AuthRoleListResponse)
	return response, c.Call(ctx, "auth.role.list", request, response, opts...)
}

// AuthRoleRevoke is auth.role.revoke: take permissions away from a role.
func (c *Client) AuthRoleRevoke(ctx context.Context, request *AuthRoleCreateRequest, opts ...Option) (*AuthRoleCreateResponse, error) {
	response := new(AuthRoleCreateResponse)
	return response, c.Call(ctx, "auth.role.revoke", request, response, opts...)
}

// AuthTicket is auth.ticket: get a ticket with which one WebSocket can be opened in your name.
func (c *Client) AuthTicket(ctx context.Context, request *AuthTicketRequest, opts ...Option) (*AuthTicketResponse, error) {
	response := new(AuthTicketResponse)
	return response, c.Call(ctx, "auth.ticket", request, response, opts...)
}

// AuthUserCreate is auth.user.create: make a user, who signs in with a name and a password.
func (c *Client) AuthUserCreate(ctx context.Context, request *AuthUserCreateRequest, opts ...Option) (*AuthUserCreateResponse, error) {
	response := new(AuthUserCreateResponse)
	return response, c.Call(ctx, "auth.user.create", request, response, opts...)
}

// AuthUserDelete is auth.user.delete: delete a user.
func (c *Client) AuthUserDelete(ctx context.Context, request *AuthRoleDeleteRequest, opts ...Option) (*AuthRoleDeleteResponse, error) {
	response := new(AuthRoleDeleteResponse)
	return response, c.Call(ctx, "auth.user.delete", request, response, opts...)
}

// AuthUserList is auth.user.list: list users, by name.
func (c *Client) AuthUserList(ctx context.Context, request *AuthKeyListRequest, opts ...Option) (*AuthUserListResponse, error) {
	response := new(AuthUserListResponse)
	return response, c.Call(ctx, "auth.user.list", request, response, opts...)
}

// AuthUserUpdate is auth.user.update: change a user's password or rights, or keep it from signing in.
func (c *Client) AuthUserUpdate(ctx context.Context, request *AuthUserUpdateRequest, opts ...Option) (*AuthUserCreateResponse, error) {
	response := new(AuthUserCreateResponse)
	return response, c.Call(ctx, "auth.user.update", request, response, opts...)
}

// AuthWhoami is auth.whoami: say who the server takes you for, and what you may do.
func (c *Client) AuthWhoami(ctx context.Context, request *AuthWhoamiRequest, opts ...Option) (*AuthWhoamiResponse, error) {
	response := new(AuthWhoamiResponse)
	return response, c.Call(ctx, "auth.whoami", request, response, opts...)
}

// DistanceEuclidean is distance.euclidean: return how far two vectors are apart in a straight line.
func (c *Client) DistanceEuclidean(ctx context.Context, request *DistanceEuclideanRequest, opts ...Option) (*DistanceEuclideanResponse, error) {
	response := new(DistanceEuclideanResponse)
	return response, c.Call(ctx, "distance.euclidean", request, response, opts...)
}

// DistanceHamming is distance.hamming: return in how many places two vectors differ.
func (c *Client) DistanceHamming(ctx context.Context, request *DistanceHammingRequest, opts ...Option) (*DistanceEuclideanResponse, error) {
	response := new(DistanceEuclideanResponse)
	return response, c.Call(ctx, "distance.hamming", request, response, opts...)
}

// DistanceManhattan is distance.manhattan: return how far two vectors are apart along the axes.
func (c *Client) DistanceManhattan(ctx context.Context, request *DistanceEuclideanRequest, opts ...Option) (*DistanceEuclideanResponse, error) {
	response := new(DistanceEuclideanResponse)
	return response, c.Call(ctx, "distance.manhattan", request, response, opts...)
}

// KVAppend is kv.append: put data after what a key holds.
func (c *Client) KVAppend(ctx context.Context, request *KVAppendRequest, opts ...Option) (*KVAppendResponse, error) {
	response := new(KVAppendResponse)
	return response, c.Call(ctx, "kv.append", request, response, opts...)
}

// KVCheck is kv.check: check that a key is as you expect: conflict if it is not.
func (c *Client) KVCheck(ctx context.Context, request *KVCheckRequest, opts ...Option) (*KVCheckResponse, error) {
	response := new(KVCheckResponse)
	return response, c.Call(ctx, "kv.check", request, response, opts...)
}

// KVClear is kv.clear: delete every key, or every key under a prefix.
func (c *Client) KVClear(ctx context.Context, request *KVClearRequest, opts ...Option) (*KVClearResponse, error) {
	response := new(KVClearResponse)
	return response, c.Call(ctx, "kv.clear", request, response, opts...)
}

// KVCopy is kv.copy: copy a key's value to another key.
func (c *Client) KVCopy(ctx context.Context, request *KVCopyRequest, opts ...Option) (*KVCopyResponse, error) {
	response := new(KVCopyResponse)
	return response, c.Call(ctx, "kv.copy", request, response, opts...)
}

// KVCount is kv.count: count keys.
func (c *Client) KVCount(ctx context.Context, request *KVCountRequest, opts ...Option) (*KVCountResponse, error) {
	response := new(KVCountResponse)
	return response, c.Call(ctx, "kv.count", request, response, opts...)
}

// KVDelete is kv.delete: delete keys.
func (c *Client) KVDelete(ctx context.Context, request *KVDeleteRequest, opts ...Option) (*KVDeleteResponse, error) {
	response := new(KVDeleteResponse)
	return response, c.Call(ctx, "kv.delete", request, response, opts...)
}

// KVExists is kv.exists: say which of several keys exist.
func (c *Client) KVExists(ctx context.Context, request *KVExistsRequest, opts ...Option) (*KVExistsResponse, error) {
	response := new(KVExistsResponse)
	return response, c.Call(ctx, "kv.exists", request, response, opts...)
}

// KVExpire is kv.expire: give a key a time to live.
func (c *Client) KVExpire(ctx context.Context, request *KVExpireRequest, opts ...Option) (*KVExpireResponse, error) {
	response := new(KVExpireResponse)
	return response, c.Call(ctx, "kv.expire", request, response, opts...)
}

// KVGet is kv.get: return what a key holds.
func (c *Client) KVGet(ctx context.Context, request *KVGetRequest, opts ...Option) (*KVGetResponse, error) {
	response := new(KVGetResponse)
	return response, c.Call(ctx, "kv.get", request, response, opts...)
}

// KVGetrange is kv.getrange: return a part of a key's value.
func (c *Client) KVGetrange(ctx context.Context, request *KVGetrangeRequest, opts ...Option) (*KVGetrangeResponse, error) {
	response := new(KVGetrangeResponse)
	return response, c.Call(ctx, "kv.getrange", request, response, opts...)
}

// KVGetset is kv.getset: set a key and return what it held before.
func (c *Client) KVGetset(ctx context.Context, request *KVGetsetRequest, opts ...Option) (*KVGetsetResponse, error) {
	response := new(KVGetsetResponse)
	return response, c.Call(ctx, "kv.getset", request, response, opts...)
}

// KVIncrement is kv.increment: add to the number that a key holds.
func (c *Client) KVIncrement(ctx context.Context, request *KVIncrementRequest, opts ...Option) (*KVIncrementResponse, error) {
	response := new(KVIncrementResponse)
	return response, c.Call(ctx, "kv.increment", request, response, opts...)
}

// KVLength is kv.length: return the length of a key's value in bytes.
func (c *Client) KVLength(ctx context.Context, request *KVLengthRequest, opts ...Option) (*KVLengthResponse, error) {
	response := new(KVLengthResponse)
	return response, c.Call(ctx, "kv.length", request, response, opts...)
}

// KVList is kv.list: list keys in order, a page at a time.
func (c *Client) KVList(ctx context.Context, request *KVListRequest, opts ...Option) (*KVListResponse, error) {
	response := new(KVListResponse)
	return response, c.Call(ctx, "kv.list", request, response, opts...)
}

// KVMget is kv.mget: return what several keys hold, all as of one moment.
func (c *Client) KVMget(ctx context.Context, request *KVMgetRequest, opts ...Option) (*KVMgetResponse, error) {
	response := new(KVMgetResponse)
	return response, c.Call(ctx, "kv.mget", request, response, opts...)
}

// KVMset is kv.mset: set several keys at once: all of them or none.
func (c *Client) KVMset(ctx context.Context, request *KVMsetRequest, opts ...Option) (*KVMsetResponse, error) {
	response := new(KVMsetResponse)
	return response, c.Call(ctx, "kv.mset", request, response, opts...)
}

// KVPersist is kv.persist: take a key's time to live away.
func (c *Client) KVPersist(ctx context.Context, request *KVPersistRequest, opts ...Option) (*KVExpireResponse, error) {
	response := new(KVExpireResponse)
	return response, c.Call(ctx, "kv.persist", request, response, opts...)
}

// KVRandom is kv.random: return any key, each as likely as the others.
func (c *Client) KVRandom(ctx context.Context, request *KVRandomRequest, opts ...Option) (*KVRandomResponse, error) {
	response := new(KVRandomResponse)
	return response, c.Call(ctx, "kv.random", request, response, opts...)
}

// KVRename is kv.rename: give a key another name.
func (c *Client) KVRename(ctx context.Context, request *KVRenameRequest, opts ...Option) (*KVCopyResponse, error) {
	response := new(KVCopyResponse)
	return response, c.Call(ctx, "kv.rename", request, response, opts...)
}

// KVSet is kv.set: set a key to a value, optionally with a time to live or a condition.
func (c *Client) KVSet(ctx context.Context, request *KVSetRequest, opts ...Option) (*KVSetResponse, error) {
	response := new(KVSetResponse)
	return response, c.Call(ctx, "kv.set", request, response, opts...)
}

// KVSetrange is kv.setrange: overwrite a part of a key's value.
func (c *Client) KVSetrange(ctx context.Context, request *KVSetrangeRequest, opts ...Option) (*KVAppendResponse, error) {
	response := new(KVAppendResponse)
	return response, c.Call(ctx, "kv.setrange", request, response, opts...)
}

// KVStats is kv.stats: report how much the store holds.
func (c *Client) KVStats(ctx context.Context, request *KVStatsRequest, opts ...Option) (*KVStatsResponse, error) {
	response := new(KVStatsResponse)
	return response, c.Call(ctx, "kv.stats", request, response, opts...)
}

// KVTTL is kv.ttl: return how long a key has left.
func (c *Client) KVTTL(ctx context.Context, request *KVTTLRequest, opts ...Option) (*KVTTLResponse, error) {
	response := new(KVTTLResponse)
	return response, c.Call(ctx, "kv.ttl", request, response, opts...)
}

// KVWatch is kv.watch: follow changes of keys, prefixes or patterns as they happen.
func (c *Client) KVWatch(ctx context.Context, request *KVWatchRequest, opts ...Option) iter.Seq2[Event[KVWatchEvent], error] {
	return WatchAs[KVWatchEvent](c.Watch(ctx, "kv.watch", request, opts...))
}

// MatrixAdd is matrix.add: return the sum of two matrices.
func (c *Client) MatrixAdd(ctx context.Context, request *MatrixAddRequest, opts ...Option) (*MatrixAddResponse, error) {
	response := new(MatrixAddResponse)
	return response, c.Call(ctx, "matrix.add", request, response, opts...)
}

// MatrixDeterminant is matrix.determinant: return the determinant of a square matrix.
func (c *Client) MatrixDeterminant(ctx context.Context, request *MatrixDeterminantRequest, opts ...Option) (*MatrixDeterminantResponse, error) {
	response := new(MatrixDeterminantResponse)
	return response, c.Call(ctx, "matrix.determinant", request, response, opts...)
}

// MatrixInverse is matrix.inverse: return the inverse of a square matrix.
func (c *Client) MatrixInverse(ctx context.Context, request *MatrixDeterminantRequest, opts ...Option) (*MatrixAddResponse, error) {
	response := new(MatrixAddResponse)
	return response, c.Call(ctx, "matrix.inverse", request, response, opts...)
}

// MatrixMultiply is matrix.multiply: return the product of two matrices.
func (c *Client) MatrixMultiply(ctx context.Context, request *MatrixAddRequest, opts ...Option) (*MatrixAddResponse, error) {
	response := new(MatrixAddResponse)
	return response, c.Call(ctx, "matrix.multiply", request, response, opts...)
}

// MatrixNormalize is matrix.normalize: return a matrix with every row made 1 long.
func (c *Client) MatrixNormalize(ctx context.Context, request *MatrixDeterminantRequest, opts ...Option) (*MatrixAddResponse, error) {
	response := new(MatrixAddResponse)
	return response, c.Call(ctx, "matrix.normalize", request, response, opts...)
}

// MatrixTranspose is matrix.transpose: return a matrix with rows and columns swapped.
func (c *Client) MatrixTranspose(ctx context.Context, request *MatrixDeterminantRequest, opts ...Option) (*MatrixAddResponse, error) {
	response := new(MatrixAddResponse)
	return response, c.Call(ctx, "matrix.transpose", request, response, opts...)
}

// MemoryClear is memory.clear: forget every memory of a collection.
func (c *Client) MemoryClear(ctx context.Context, request *MemoryClearRequest, opts ...Option) (*MemoryClearResponse, error) {
	response := new(MemoryClearResponse)
	return response, c.Call(ctx, "memory.clear", request, response, opts...)
}

// MemoryCollections is memory.collections: list the collections that hold memories.
func (c *Client) MemoryCollections(ctx context.Context, request *MemoryCollectionsRequest, opts ...Option) (*MemoryCollectionsResponse, error) {
	response := new(MemoryCollectionsResponse)
	return response, c.Call(ctx, "memory.collections", request, response, opts...)
}

// MemoryDelete is memory.delete: forget memories.
func (c *Client) MemoryDelete(ctx context.Context, request *MemoryDeleteRequest, opts ...Option) (*MemoryDeleteResponse, error) {
	response := new(MemoryDeleteResponse)
	return response, c.Call(ctx, "memory.delete", request, response, opts...)
}

// MemoryGet is memory.get: return a memory.
func (c *Client) MemoryGet(ctx context.Context, request *MemoryGetRequest, opts ...Option) (*MemoryGetResponse, error) {
	response := new(MemoryGetResponse)
	return response, c.Call(ctx, "memory.get", request, response, opts...)
}

// MemoryList is memory.list: list memories by id, or those of a collection, the newest first.
func (c *Client) MemoryList(ctx context.Context, request *MemoryListRequest, opts ...Option) (*MemoryListResponse, error) {
	response := new(MemoryListResponse)
	return response, c.Call(ctx, "memory.list", request, response, opts...)
}

// MemorySearch is memory.search: find memories by meaning and by words.
func (c *Client) MemorySearch(ctx context.Context, request *MemorySearchRequest, opts ...Option) (*MemorySearchResponse, error) {
	response := new(MemorySearchResponse)
	return response, c.Call(ctx, "memory.search", request, response, opts...)
}

// MemoryStats is memory.stats: report how much is remembered, and how the embedder does.
func (c *Client) MemoryStats(ctx context.Context, request *MemoryStatsRequest, opts ...Option) (*MemoryStatsResponse, error) {
	response := new(MemoryStatsResponse)
	return response, c.Call(ctx, "memory.stats", request, response, opts...)
}

// MemoryStore is memory.store: remember a text.
func (c *Client) MemoryStore(ctx context.Context, request *MemoryStoreRequest, opts ...Option) (*MemoryStoreResponse, error) {
	response := new(MemoryStoreResponse)
	return response, c.Call(ctx, "memory.store", request, response, opts...)
}

// MemoryStoreEach is memory.store again and again, as long as this side takes what it is given.
func (c *Client) MemoryStoreEach(ctx context.Context, request *MemoryStoreRequest, opts ...Option) iter.Seq2[*MemoryStoreResponse, error] {
	return RepeatAs[MemoryStoreResponse](c.Repeat(ctx, "memory.store", request, opts...))
}

// MemoryUpdate is memory.update: change the text or the metadata of a memory.
func (c *Client) MemoryUpdate(ctx context.Context, request *MemoryUpdateRequest, opts ...Option) (*MemoryUpdateResponse, error) {
	response := new(MemoryUpdateResponse)
	return response, c.Call(ctx, "memory.update", request, response, opts...)
}

// MemoryUpdateEach is memory.update again and again, as long as this side takes what it is given.
func (c *Client) MemoryUpdateEach(ctx context.Context, request *MemoryUpdateRequest, opts ...Option) iter.Seq2[*MemoryUpdateResponse, error] {
	return RepeatAs[MemoryUpdateResponse](c.Repeat(ctx, "memory.update", request, opts...))
}

// NamespaceCreate is namespace.create: make a namespace, perhaps with quotas of its own.
func (c *Client) NamespaceCreate(ctx context.Context, request *NamespaceCreateRequest, opts ...Option) (*NamespaceCreateResponse, error) {
	response := new(NamespaceCreateResponse)
	return response, c.Call(ctx, "namespace.create", request, response, opts...)
}

// NamespaceDelete is namespace.delete: delete a namespace with everything in it.
func (c *Client) NamespaceDelete(ctx context.Context, request *NamespaceDeleteRequest, opts ...Option) (*NamespaceDeleteResponse, error) {
	response := new(NamespaceDeleteResponse)
	return response, c.Call(ctx, "namespace.delete", request, response, opts...)
}

// NamespaceList is namespace.list: list the namespaces that you may use, with the quotas of their own.
func (c *Client) NamespaceList(ctx context.Context, request *NamespaceListRequest, opts ...Option) (*NamespaceListResponse, error) {
	response := new(NamespaceListResponse)
	return response, c.Call(ctx, "namespace.list", request, response, opts...)
}

// NamespaceStats is namespace.stats: report what a namespace holds, and how much it uses of its quotas.
func (c *Client) NamespaceStats(ctx context.Context, request *NamespaceStatsRequest, opts ...Option) (*NamespaceStatsResponse, error) {
	response := new(NamespaceStatsResponse)
	return response, c.Call(ctx, "namespace.stats", request, response, opts...)
}

// NamespaceUpdate is namespace.update: change a namespace's quotas.
func (c *Client) NamespaceUpdate(ctx context.Context, request *NamespaceUpdateRequest, opts ...Option) (*NamespaceCreateResponse, error) {
	response := new(NamespaceCreateResponse)
	return response, c.Call(ctx, "namespace.update", request, response, opts...)
}

// PeerAdd is peer.add: link the namespace with one of another server, and say what flows.
func (c *Client) PeerAdd(ctx context.Context, request *PeerAddRequest, opts ...Option) (*PeerAddResponse, error) {
	response := new(PeerAddResponse)
	return response, c.Call(ctx, "peer.add", request, response, opts...)
}

// PeerAdvance is peer.advance: say that a room of another node was read further.
func (c *Client) PeerAdvance(ctx context.Context, request *PeerAdvanceRequest, opts ...Option) (*PeerAdvanceResponse, error) {
	response := new(PeerAdvanceResponse)
	return response, c.Call(ctx, "peer.advance", request, response, opts...)
}

// PeerApply is peer.apply: take in events of another node's room, and how far it was read, as one.
func (c *Client) PeerApply(ctx context.Context, request *PeerApplyRequest, opts ...Option) (*PeerApplyResponse, error) {
	response := new(PeerApplyResponse)
	return response, c.Call(ctx, "peer.apply", request, response, opts...)
}

// PeerChanges is peer.changes: list which change each point of a collection is the outcome of, as far as that is noted.
func (c *Client) PeerChanges(ctx context.Context, request *PeerChangesRequest, opts ...Option) (*PeerChangesResponse, error) {
	response := new(PeerChangesResponse)
	return response, c.Call(ctx, "peer.changes", request, response, opts...)
}

// PeerForget is peer.forget: forget how far everything of a node had come.
func (c *Client) PeerForget(ctx context.Context, request *PeerForgetRequest, opts ...Option) (*PeerForgetResponse, error) {
	response := new(PeerForgetResponse)
	return response, c.Call(ctx, "peer.forget", request, response, opts...)
}

// PeerHello is peer.hello: say which node the namespace is, among all that exchange events.
func (c *Client) PeerHello(ctx context.Context, request *PeerHelloRequest, opts ...Option) (*PeerHelloResponse, error) {
	response := new(PeerHelloResponse)
	return response, c.Call(ctx, "peer.hello", request, response, opts...)
}

// PeerList is peer.list: list peers, how their links fare and what went wrong last.
func (c *Client) PeerList(ctx context.Context, request *PeerListRequest, opts ...Option) (*PeerListResponse, error) {
	response := new(PeerListResponse)
	return response, c.Call(ctx, "peer.list", request, response, opts...)
}

// PeerMerge is peer.merge: say of which changes points of a collection are now the outcome, and how far another node was read.
func (c *Client) PeerMerge(ctx context.Context, request *PeerMergeRequest, opts ...Option) (*PeerAdvanceResponse, error) {
	response := new(PeerAdvanceResponse)
	return response, c.Call(ctx, "peer.merge", request, response, opts...)
}

// PeerReached is peer.reached: say how far a room or a collection of another node was read.
func (c *Client) PeerReached(ctx context.Context, request *PeerReachedRequest, opts ...Option) (*PeerReachedResponse, error) {
	response := new(PeerReachedResponse)
	return response, c.Call(ctx, "peer.reached", request, response, opts...)
}

// PeerRemove is peer.remove: end the link with a peer.
func (c *Client) PeerRemove(ctx context.Context, request *PeerRemoveRequest, opts ...Option) (*PeerRemoveResponse, error) {
	response := new(PeerRemoveResponse)
	return response, c.Call(ctx, "peer.remove", request, response, opts...)
}

// PeerSettle is peer.settle: take in changes of another node's collection, and how far it was read, as one.
func (c *Client) PeerSettle(ctx context.Context, request *PeerSettleRequest, opts ...Option) (*PeerApplyResponse, error) {
	response := new(PeerApplyResponse)
	return response, c.Call(ctx, "peer.settle", request, response, opts...)
}

// PeerStamp is peer.stamp: note which points of a collection were changed here.
func (c *Client) PeerStamp(ctx context.Context, request *PeerStampRequest, opts ...Option) (*PeerStampResponse, error) {
	response := new(PeerStampResponse)
	return response, c.Call(ctx, "peer.stamp", request, response, opts...)
}

// PeerUpdate is peer.update: change a peer: where it is, which key and certificate it is shown, what flows, or that nothing does for now.
func (c *Client) PeerUpdate(ctx context.Context, request *PeerUpdateRequest, opts ...Option) (*PeerAddResponse, error) {
	response := new(PeerAddResponse)
	return response, c.Call(ctx, "peer.update", request, response, opts...)
}

// PersistenceBackup is persistence.backup: hand out a copy of the data directory, of all namespaces, while writers go on.
func (c *Client) PersistenceBackup(ctx context.Context, request *PersistenceBackupRequest, opts ...Option) iter.Seq2[Event[PersistenceBackupEvent], error] {
	return WatchAs[PersistenceBackupEvent](c.Watch(ctx, "persistence.backup", request, opts...))
}

// PersistenceSnapshot is persistence.snapshot: take a snapshot now, and answer when it is on disk.
func (c *Client) PersistenceSnapshot(ctx context.Context, request *PersistenceSnapshotRequest, opts ...Option) (*PersistenceSnapshotResponse, error) {
	response := new(PersistenceSnapshotResponse)
	return response, c.Call(ctx, "persistence.snapshot", request, response, opts...)
}

// PersistenceStatus is persistence.status: report how the log and the snapshots fare.
func (c *Client) PersistenceStatus(ctx context.Context, request *PersistenceStatusRequest, opts ...Option) (*PersistenceStatusResponse, error) {
	response := new(PersistenceStatusResponse)
	return response, c.Call(ctx, "persistence.status", request, response, opts...)
}

// PubsubAccept is pubsub.accept: take in messages that were published at another server.
func (c *Client) PubsubAccept(ctx context.Context, request *PubsubAcceptRequest, opts ...Option) (*PubsubAcceptResponse, error) {
	response := new(PubsubAcceptResponse)
	return response, c.Call(ctx, "pubsub.accept", request, response, opts...)
}

// PubsubCarry is pubsub.carry: poll for the messages of topics and patterns to carry them to another server.
func (c *Client) PubsubCarry(ctx context.Context, request *PubsubCarryRequest, opts ...Option) (*PubsubCarryResponse, error) {
	response := new(PubsubCarryResponse)
	return response, c.Call(ctx, "pubsub.carry", request, response, opts...)
}

// PubsubForget is pubsub.forget: forget the message that a topic retains.
func (c *Client) PubsubForget(ctx context.Context, request *PubsubForgetRequest, opts ...Option) (*PubsubForgetResponse, error) {
	response := new(PubsubForgetResponse)
	return response, c.Call(ctx, "pubsub.forget", request, response, opts...)
}

// PubsubListen is pubsub.listen: poll for the messages of topics and patterns.
func (c *Client) PubsubListen(ctx context.Context, request *PubsubListenRequest, opts ...Option) (*PubsubListenResponse, error) {
	response := new(PubsubListenResponse)
	return response, c.Call(ctx, "pubsub.listen", request, response, opts...)
}

// PubsubPublish is pubsub.publish: publish a message to everybody who listens to its topic now.
func (c *Client) PubsubPublish(ctx context.Context, request *PubsubPublishRequest, opts ...Option) (*PubsubPublishResponse, error) {
	response := new(PubsubPublishResponse)
	return response, c.Call(ctx, "pubsub.publish", request, response, opts...)
}

// PubsubRequest is pubsub.request: publish a message and wait for the first answer to it.
func (c *Client) PubsubRequest(ctx context.Context, request *PubsubRequestRequest, opts ...Option) (*PubsubRequestResponse, error) {
	response := new(PubsubRequestResponse)
	return response, c.Call(ctx, "pubsub.request", request, response, opts...)
}

// PubsubStats is pubsub.stats: report how many subscriptions there are and how much was published.
func (c *Client) PubsubStats(ctx context.Context, request *PubsubStatsRequest, opts ...Option) (*PubsubStatsResponse, error) {
	response := new(PubsubStatsResponse)
	return response, c.Call(ctx, "pubsub.stats", request, response, opts...)
}

// PubsubSubscribe is pubsub.subscribe: follow the messages of topics and patterns.
func (c *Client) PubsubSubscribe(ctx context.Context, request *PubsubSubscribeRequest, opts ...Option) iter.Seq2[Event[PubsubSubscribeEvent], error] {
	return WatchAs[PubsubSubscribeEvent](c.Watch(ctx, "pubsub.subscribe", request, opts...))
}

// PubsubTopics is pubsub.topics: list the topics and patterns that somebody listens to, or that retain a message.
func (c *Client) PubsubTopics(ctx context.Context, request *PubsubTopicsRequest, opts ...Option) (*PubsubTopicsResponse, error) {
	response := new(PubsubTopicsResponse)
	return response, c.Call(ctx, "pubsub.topics", request, response, opts...)
}

// QueueAck is queue.ack: say what became of received messages: done, retry, reject or extend.
func (c *Client) QueueAck(ctx context.Context, request *QueueAckRequest, opts ...Option) (*QueueAckResponse, error) {
	response := new(QueueAckResponse)
	return response, c.Call(ctx, "queue.ack", request, response, opts...)
}

// QueueCheck is queue.check: check that a queue is as you expect: conflict if it is not.
func (c *Client) QueueCheck(ctx context.Context, request *QueueCheckRequest, opts ...Option) (*QueueCheckResponse, error) {
	response := new(QueueCheckResponse)
	return response, c.Call(ctx, "queue.check", request, response, opts...)
}

// QueueCreate is queue.create: make a queue with settings of its own.
func (c *Client) QueueCreate(ctx context.Context, request *QueueCreateRequest, opts ...Option) (*QueueCreateResponse, error) {
	response := new(QueueCreateResponse)
	return response, c.Call(ctx, "queue.create", request, response, opts...)
}

// QueueDelete is queue.delete: delete a queue with everything in it.
func (c *Client) QueueDelete(ctx context.Context, request *QueueDeleteRequest, opts ...Option) (*QueueDeleteResponse, error) {
	response := new(QueueDeleteResponse)
	return response, c.Call(ctx, "queue.delete", request, response, opts...)
}

// QueueList is queue.list: list queues by name, with how many messages they hold.
func (c *Client) QueueList(ctx context.Context, request *QueueListRequest, opts ...Option) (*QueueListResponse, error) {
	response := new(QueueListResponse)
	return response, c.Call(ctx, "queue.list", request, response, opts...)
}

// QueuePause is queue.pause: hand out no more messages; publishing and acknowledging go on.
func (c *Client) QueuePause(ctx context.Context, request *QueuePauseRequest, opts ...Option) (*QueuePauseResponse, error) {
	response := new(QueuePauseResponse)
	return response, c.Call(ctx, "queue.pause", request, response, opts...)
}

// QueuePeek is queue.peek: look at a queue's messages without taking them.
func (c *Client) QueuePeek(ctx context.Context, request *QueuePeekRequest, opts ...Option) (*QueuePeekResponse, error) {
	response := new(QueuePeekResponse)
	return response, c.Call(ctx, "queue.peek", request, response, opts...)
}

// QueuePublish is queue.publish: publish a message, or several, to a queue.
func (c *Client) QueuePublish(ctx context.Context, request *QueuePublishRequest, opts ...Option) (*QueuePublishResponse, error) {
	response := new(QueuePublishResponse)
	return response, c.Call(ctx, "queue.publish", request, response, opts...)
}

// QueuePurge is queue.purge: drop the messages of a queue that are in a state, or all.
func (c *Client) QueuePurge(ctx context.Context, request *QueuePurgeRequest, opts ...Option) (*QueuePurgeResponse, error) {
	response := new(QueuePurgeResponse)
	return response, c.Call(ctx, "queue.purge", request, response, opts...)
}

// QueueReceive is queue.receive: take messages from a queue under a lease.
func (c *Client) QueueReceive(ctx context.Context, request *QueueReceiveRequest, opts ...Option) (*QueueReceiveResponse, error) {
	response := new(QueueReceiveResponse)
	return response, c.Call(ctx, "queue.receive", request, response, opts...)
}

// QueueReceiveEach is queue.receive again and again, as long as this side takes what it is given.
func (c *Client) QueueReceiveEach(ctx context.Context, request *QueueReceiveRequest, opts ...Option) iter.Seq2[*QueueReceiveResponse, error] {
	return RepeatAs[QueueReceiveResponse](c.Repeat(ctx, "queue.receive", request, opts...))
}

// QueueRedrive is queue.redrive: bring dead letters back to their queue, or to another.
func (c *Client) QueueRedrive(ctx context.Context, request *QueueRedriveRequest, opts ...Option) (*QueueRedriveResponse, error) {
	response := new(QueueRedriveResponse)
	return response, c.Call(ctx, "queue.redrive", request, response, opts...)
}

// QueueResume is queue.resume: hand out messages again.
func (c *Client) QueueResume(ctx context.Context, request *QueuePauseRequest, opts ...Option) (*QueuePauseResponse, error) {
	response := new(QueuePauseResponse)
	return response, c.Call(ctx, "queue.resume", request, response, opts...)
}

// QueueStats is queue.stats: report a queue in numbers, with its settings.
func (c *Client) QueueStats(ctx context.Context, request *QueuePauseRequest, opts ...Option) (*QueueStatsResponse, error) {
	response := new(QueueStatsResponse)
	return response, c.Call(ctx, "queue.stats", request, response, opts...)
}

// QueueUpdate is queue.update: change some settings of a queue.
func (c *Client) QueueUpdate(ctx context.Context, request *QueueCreateRequest, opts ...Option) (*QueueCreateResponse, error) {
	response := new(QueueCreateResponse)
	return response, c.Call(ctx, "queue.update", request, response, opts...)
}

// QueueWatch is queue.watch: follow when queues fill and drain, and what dies in them.
func (c *Client) QueueWatch(ctx context.Context, request *QueueWatchRequest, opts ...Option) iter.Seq2[Event[QueueWatchEvent], error] {
	return WatchAs[QueueWatchEvent](c.Watch(ctx, "queue.watch", request, opts...))
}

// ServerBrowse is server.browse: list the queues, streams, topics, agents or other things that there are.
func (c *Client) ServerBrowse(ctx context.Context, request *ServerBrowseRequest, opts ...Option) (*ServerBrowseResponse, error) {
	response := new(ServerBrowseResponse)
	return response, c.Call(ctx, "server.browse", request, response, opts...)
}

// ServerClear is server.clear: empty or drop a queue, a stream or a topic, in two steps.
func (c *Client) ServerClear(ctx context.Context, request *ServerClearRequest, opts ...Option) (*ServerClearResponse, error) {
	response := new(ServerClearResponse)
	return response, c.Call(ctx, "server.clear", request, response, opts...)
}

// ServerClients is server.clients: list the open connections.
func (c *Client) ServerClients(ctx context.Context, request *ServerClientsRequest, opts ...Option) (*ServerClientsResponse, error) {
	response := new(ServerClientsResponse)
	return response, c.Call(ctx, "server.clients", request, response, opts...)
}

// ServerDisconnect is server.disconnect: break off connections: one by its number, or all of a caller or an address.
func (c *Client) ServerDisconnect(ctx context.Context, request *ServerDisconnectRequest, opts ...Option) (*ServerDisconnectResponse, error) {
	response := new(ServerDisconnectResponse)
	return response, c.Call(ctx, "server.disconnect", request, response, opts...)
}

// ServerExecute is server.execute: run any command, by name.
func (c *Client) ServerExecute(ctx context.Context, request *ServerExecuteRequest, opts ...Option) (*ServerExecuteResponse, error) {
	response := new(ServerExecuteResponse)
	return response, c.Call(ctx, "server.execute", request, response, opts...)
}

// ServerHelp is server.help: explain a command, or list all commands.
func (c *Client) ServerHelp(ctx context.Context, request *ServerHelpRequest, opts ...Option) (*ServerHelpResponse, error) {
	response := new(ServerHelpResponse)
	return response, c.Call(ctx, "server.help", request, response, opts...)
}

// ServerHotkeys is server.hotkeys: list the names that are called most, hottest first.
func (c *Client) ServerHotkeys(ctx context.Context, request *ServerHotkeysRequest, opts ...Option) (*ServerHotkeysResponse, error) {
	response := new(ServerHotkeysResponse)
	return response, c.Call(ctx, "server.hotkeys", request, response, opts...)
}

// ServerInfo is server.info: report on the process: version, memory, collector, connections and calls.
func (c *Client) ServerInfo(ctx context.Context, request *ServerInfoRequest, opts ...Option) (*ServerInfoResponse, error) {
	response := new(ServerInfoResponse)
	return response, c.Call(ctx, "server.info", request, response, opts...)
}

// ServerQuery is server.query: run any command that only reads, by name.
func (c *Client) ServerQuery(ctx context.Context, request *ServerQueryRequest, opts ...Option) (*ServerExecuteResponse, error) {
	response := new(ServerExecuteResponse)
	return response, c.Call(ctx, "server.query", request, response, opts...)
}

// ServerSlowlog is server.slowlog: list the latest calls that took long, newest first.
func (c *Client) ServerSlowlog(ctx context.Context, request *ServerSlowlogRequest, opts ...Option) (*ServerSlowlogResponse, error) {
	response := new(ServerSlowlogResponse)
	return response, c.Call(ctx, "server.slowlog", request, response, opts...)
}

// ServerStatus is server.status: report who you are, what the server is and how much it holds.
func (c *Client) ServerStatus(ctx context.Context, request *ServerStatusRequest, opts ...Option) (*ServerStatusResponse, error) {
	response := new(ServerStatusResponse)
	return response, c.Call(ctx, "server.status", request, response, opts...)
}

// ServerWatch is server.watch: hear that something in the namespace changed, whatever it is.
func (c *Client) ServerWatch(ctx context.Context, request *ServerWatchRequest, opts ...Option) iter.Seq2[Event[ServerWatchEvent], error] {
	return WatchAs[ServerWatchEvent](c.Watch(ctx, "server.watch", request, opts...))
}

// SimilarityCosine is similarity.cosine: return the cosine of the angle between two vectors.
func (c *Client) SimilarityCosine(ctx context.Context, request *SimilarityCosineRequest, opts ...Option) (*DistanceEuclideanResponse, error) {
	response := new(DistanceEuclideanResponse)
	return response, c.Call(ctx, "similarity.cosine", request, response, opts...)
}

// StreamAppend is stream.append: append an event, or several, to a room.
func (c *Client) StreamAppend(ctx context.Context, request *StreamAppendRequest, opts ...Option) (*StreamAppendResponse, error) {
	response := new(StreamAppendResponse)
	return response, c.Call(ctx, "stream.append", request, response, opts...)
}

// StreamCheck is stream.check: check that a room is as you expect: conflict if it is not.
func (c *Client) StreamCheck(ctx context.Context, request *StreamCheckRequest, opts ...Option) (*StreamCheckResponse, error) {
	response := new(StreamCheckResponse)
	return response, c.Call(ctx, "stream.check", request, response, opts...)
}

// StreamCreate is stream.create: make a room, with bounds of its own or in partitions.
func (c *Client) StreamCreate(ctx context.Context, request *StreamCreateRequest, opts ...Option) (*StreamCreateResponse, error) {
	response := new(StreamCreateResponse)
	return response, c.Call(ctx, "stream.create", request, response, opts...)
}

// StreamDelete is stream.delete: delete a room with its events and groups.
func (c *Client) StreamDelete(ctx context.Context, request *StreamDeleteRequest, opts ...Option) (*StreamDeleteResponse, error) {
	response := new(StreamDeleteResponse)
	return response, c.Call(ctx, "stream.delete", request, response, opts...)
}

// StreamGroupCommit is stream.group.commit: record how far a member has read.
func (c *Client) StreamGroupCommit(ctx context.Context, request *StreamGroupCommitRequest, opts ...Option) (*StreamGroupCommitResponse, error) {
	response := new(StreamGroupCommitResponse)
	return response, c.Call(ctx, "stream.group.commit", request, response, opts...)
}

// StreamGroupCreate is stream.group.create: make a consumer group, which reads a room together.
func (c *Client) StreamGroupCreate(ctx context.Context, request *StreamGroupCreateRequest, opts ...Option) (*StreamGroupCreateResponse, error) {
	response := new(StreamGroupCreateResponse)
	return response, c.Call(ctx, "stream.group.create", request, response, opts...)
}

// StreamGroupDelete is stream.group.delete: delete a consumer group and what it remembers.
func (c *Client) StreamGroupDelete(ctx context.Context, request *StreamGroupDeleteRequest, opts ...Option) (*StreamGroupDeleteResponse, error) {
	response := new(StreamGroupDeleteResponse)
	return response, c.Call(ctx, "stream.group.delete", request, response, opts...)
}

// StreamGroupFetch is stream.group.fetch: fetch the events that are a member's to handle, from where the group stands.
func (c *Client) StreamGroupFetch(ctx context.Context, request *StreamGroupFetchRequest, opts ...Option) (*StreamGroupFetchResponse, error) {
	response := new(StreamGroupFetchResponse)
	return response, c.Call(ctx, "stream.group.fetch", request, response, opts...)
}

// StreamGroupFetchEach is stream.group.fetch again and again, as long as this side takes what it is given.
func (c *Client) StreamGroupFetchEach(ctx context.Context, request *StreamGroupFetchRequest, opts ...Option) iter.Seq2[*StreamGroupFetchResponse, error] {
	return RepeatAs[StreamGroupFetchResponse](c.Repeat(ctx, "stream.group.fetch", request, opts...))
}

// StreamGroupHeartbeat is stream.group.heartbeat: say that a member is alive, and hear which partitions are its own.
func (c *Client) StreamGroupHeartbeat(ctx context.Context, request *StreamGroupHeartbeatRequest, opts ...Option) (*StreamGroupHeartbeatResponse, error) {
	response := new(StreamGroupHeartbeatResponse)
	return response, c.Call(ctx, "stream.group.heartbeat", request, response, opts...)
}

// StreamGroupJoin is stream.group.join: become a member of a consumer group.
func (c *Client) StreamGroupJoin(ctx context.Context, request *StreamGroupJoinRequest, opts ...Option) (*StreamGroupHeartbeatResponse, error) {
	response := new(StreamGroupHeartbeatResponse)
	return response, c.Call(ctx, "stream.group.join", request, response, opts...)
}

// StreamGroupLeave is stream.group.leave: leave a consumer group, so that others take over at once.
func (c *Client) StreamGroupLeave(ctx context.Context, request *StreamGroupLeaveRequest, opts ...Option) (*StreamGroupLeaveResponse, error) {
	response := new(StreamGroupLeaveResponse)
	return response, c.Call(ctx, "stream.group.leave", request, response, opts...)
}

// StreamGroupList is stream.group.list: list the consumer groups of a room.
func (c *Client) StreamGroupList(ctx context.Context, request *StreamDeleteRequest, opts ...Option) (*StreamGroupListResponse, error) {
	response := new(StreamGroupListResponse)
	return response, c.Call(ctx, "stream.group.list", request, response, opts...)
}

// StreamGroupStats is stream.group.stats: report a group's members, and how far it has read each partition.
func (c *Client) StreamGroupStats(ctx context.Context, request *StreamGroupDeleteRequest, opts ...Option) (*StreamGroupStatsResponse, error) {
	response := new(StreamGroupStatsResponse)
	return response, c.Call(ctx, "stream.group.stats", request, response, opts...)
}

// StreamList is stream.list: list the rooms.
func (c *Client) StreamList(ctx context.Context, request *StreamListRequest, opts ...Option) (*StreamListResponse, error) {
	response := new(StreamListResponse)
	return response, c.Call(ctx, "stream.list", request, response, opts...)
}

// StreamRead is stream.read: read a room's events in order.
func (c *Client) StreamRead(ctx context.Context, request *StreamReadRequest, opts ...Option) (*StreamReadResponse, error) {
	response := new(StreamReadResponse)
	return response, c.Call(ctx, "stream.read", request, response, opts...)
}

// StreamStats is stream.stats: report what a room holds and how it is configured.
func (c *Client) StreamStats(ctx context.Context, request *StreamDeleteRequest, opts ...Option) (*StreamStatsResponse, error) {
	response := new(StreamStatsResponse)
	return response, c.Call(ctx, "stream.stats", request, response, opts...)
}

// StreamTrim is stream.trim: drop a room's oldest events.
func (c *Client) StreamTrim(ctx context.Context, request *StreamTrimRequest, opts ...Option) (*StreamTrimResponse, error) {
	response := new(StreamTrimResponse)
	return response, c.Call(ctx, "stream.trim", request, response, opts...)
}

// StreamUpdate is stream.update: change how much a room keeps.
func (c *Client) StreamUpdate(ctx context.Context, request *StreamUpdateRequest, opts ...Option) (*StreamUpdateResponse, error) {
	response := new(StreamUpdateResponse)
	return response, c.Call(ctx, "stream.update", request, response, opts...)
}

// StreamWatch is stream.watch: follow a room's events as they come.
func (c *Client) StreamWatch(ctx context.Context, request *StreamWatchRequest, opts ...Option) iter.Seq2[Event[StreamWatchEvent], error] {
	return WatchAs[StreamWatchEvent](c.Watch(ctx, "stream.watch", request, opts...))
}

// TransactionDiscard is transaction.discard: forget the transaction, and what is watched.
func (c *Client) TransactionDiscard(ctx context.Context, request *TransactionDiscardRequest, opts ...Option) (*TransactionDiscardResponse, error) {
	response := new(TransactionDiscardResponse)
	return response, c.Call(ctx, "transaction.discard", request, response, opts...)
}

// TransactionExec is transaction.exec: run the commands of the transaction as one, all of them or none.
func (c *Client) TransactionExec(ctx context.Context, request *TransactionDiscardRequest, opts ...Option) (*PeerApplyResponse, error) {
	response := new(PeerApplyResponse)
	return response, c.Call(ctx, "transaction.exec", request, response, opts...)
}

// TransactionMulti is transaction.multi: begin a transaction.
func (c *Client) TransactionMulti(ctx context.Context, request *TransactionMultiRequest, opts ...Option) (*TransactionMultiResponse, error) {
	response := new(TransactionMultiResponse)
	return response, c.Call(ctx, "transaction.multi", request, response, opts...)
}

// TransactionQueue is transaction.queue: add a command to the transaction, to be run when it is executed.
func (c *Client) TransactionQueue(ctx context.Context, request *TransactionQueueRequest, opts ...Option) (*TransactionMultiResponse, error) {
	response := new(TransactionMultiResponse)
	return response, c.Call(ctx, "transaction.queue", request, response, opts...)
}

// TransactionUnwatch is transaction.unwatch: forget what is watched.
func (c *Client) TransactionUnwatch(ctx context.Context, request *TransactionDiscardRequest, opts ...Option) (*TransactionMultiResponse, error) {
	response := new(TransactionMultiResponse)
	return response, c.Call(ctx, "transaction.unwatch", request, response, opts...)
}

// TransactionWatch is transaction.watch: remember how things are, so that the transaction fails if they change before it is executed.
func (c *Client) TransactionWatch(ctx context.Context, request *TransactionWatchRequest, opts ...Option) (*TransactionMultiResponse, error) {
	response := new(TransactionMultiResponse)
	return response, c.Call(ctx, "transaction.watch", request, response, opts...)
}

// TXNExec is txn.exec: run several commands as one, all of them or none.
func (c *Client) TXNExec(ctx context.Context, request *TXNExecRequest, opts ...Option) (*PeerApplyResponse, error) {
	response := new(PeerApplyResponse)
	return response, c.Call(ctx, "txn.exec", request, response, opts...)
}

// VectorAdd is vector.add: return the sum of two vectors.
func (c *Client) VectorAdd(ctx context.Context, request *VectorAddRequest, opts ...Option) (*VectorAddResponse, error) {
	response := new(VectorAddResponse)
	return response, c.Call(ctx, "vector.add", request, response, opts...)
}

// VectorCheck is vector.check: check that a point is as you expect: conflict if it is not.
func (c *Client) VectorCheck(ctx context.Context, request *VectorCheckRequest, opts ...Option) (*VectorCheckResponse, error) {
	response := new(VectorCheckResponse)
	return response, c.Call(ctx, "vector.check", request, response, opts...)
}

// VectorCollectionClear is vector.collection.clear: delete every point of a collection, which stays.
func (c *Client) VectorCollectionClear(ctx context.Context, request *VectorCollectionClearRequest, opts ...Option) (*VectorCollectionClearResponse, error) {
	response := new(VectorCollectionClearResponse)
	return response, c.Call(ctx, "vector.collection.clear", request, response, opts...)
}

// VectorCollectionCreate is vector.collection.create: make a collection.
func (c *Client) VectorCollectionCreate(ctx context.Context, request *VectorCollectionCreateRequest, opts ...Option) (*VectorCollectionCreateResponse, error) {
	response := new(VectorCollectionCreateResponse)
	return response, c.Call(ctx, "vector.collection.create", request, response, opts...)
}

// VectorCollectionDelete is vector.collection.delete: delete a collection with all its points.
func (c *Client) VectorCollectionDelete(ctx context.Context, request *VectorCollectionClearRequest, opts ...Option) (*VectorCollectionClearResponse, error) {
	response := new(VectorCollectionClearResponse)
	return response, c.Call(ctx, "vector.collection.delete", request, response, opts...)
}

// VectorCollectionList is vector.collection.list: list collections in order, a page at a time.
func (c *Client) VectorCollectionList(ctx context.Context, request *VectorCollectionListRequest, opts ...Option) (*VectorCollectionListResponse, error) {
	response := new(VectorCollectionListResponse)
	return response, c.Call(ctx, "vector.collection.list", request, response, opts...)
}

// VectorCollectionStats is vector.collection.stats: say how a collection is made, and how much it holds.
func (c *Client) VectorCollectionStats(ctx context.Context, request *VectorCollectionClearRequest, opts ...Option) (*VectorCollectionStatsResponse, error) {
	response := new(VectorCollectionStatsResponse)
	return response, c.Call(ctx, "vector.collection.stats", request, response, opts...)
}

// VectorCollectionUpdate is vector.collection.update: change what a collection indexes.
func (c *Client) VectorCollectionUpdate(ctx context.Context, request *VectorCollectionUpdateRequest, opts ...Option) (*VectorCollectionClearResponse, error) {
	response := new(VectorCollectionClearResponse)
	return response, c.Call(ctx, "vector.collection.update", request, response, opts...)
}

// VectorCount is vector.count: return how many points a collection has, or a filter means.
func (c *Client) VectorCount(ctx context.Context, request *VectorCountRequest, opts ...Option) (*VectorCountResponse, error) {
	response := new(VectorCountResponse)
	return response, c.Call(ctx, "vector.count", request, response, opts...)
}

// VectorDelete is vector.delete: delete points by id or by filter.
func (c *Client) VectorDelete(ctx context.Context, request *VectorDeleteRequest, opts ...Option) (*VectorDeleteResponse, error) {
	response := new(VectorDeleteResponse)
	return response, c.Call(ctx, "vector.delete", request, response, opts...)
}

// VectorDot is vector.dot: return the dot product of two vectors.
func (c *Client) VectorDot(ctx context.Context, request *VectorAddRequest, opts ...Option) (*VectorDotResponse, error) {
	response := new(VectorDotResponse)
	return response, c.Call(ctx, "vector.dot", request, response, opts...)
}

// VectorGet is vector.get: return points by id.
func (c *Client) VectorGet(ctx context.Context, request *VectorGetRequest, opts ...Option) (*VectorGetResponse, error) {
	response := new(VectorGetResponse)
	return response, c.Call(ctx, "vector.get", request, response, opts...)
}

// VectorHybrid is vector.hybrid: return the points that fit words, a vector, or both, in one ranking.
func (c *Client) VectorHybrid(ctx context.Context, request *VectorHybridRequest, opts ...Option) (*VectorHybridResponse, error) {
	response := new(VectorHybridResponse)
	return response, c.Call(ctx, "vector.hybrid", request, response, opts...)
}

// VectorMultiply is vector.multiply: return the products of the numbers of two vectors, each with its partner.
func (c *Client) VectorMultiply(ctx context.Context, request *VectorAddRequest, opts ...Option) (*VectorAddResponse, error) {
	response := new(VectorAddResponse)
	return response, c.Call(ctx, "vector.multiply", request, response, opts...)
}

// VectorNorm is vector.norm: return the length of a vector.
func (c *Client) VectorNorm(ctx context.Context, request *VectorNormRequest, opts ...Option) (*VectorDotResponse, error) {
	response := new(VectorDotResponse)
	return response, c.Call(ctx, "vector.norm", request, response, opts...)
}

// VectorNormalize is vector.normalize: return a vector made 1 long.
func (c *Client) VectorNormalize(ctx context.Context, request *VectorNormRequest, opts ...Option) (*VectorAddResponse, error) {
	response := new(VectorAddResponse)
	return response, c.Call(ctx, "vector.normalize", request, response, opts...)
}

// VectorRecommend is vector.recommend: return the points that are like some points and unlike others.
func (c *Client) VectorRecommend(ctx context.Context, request *VectorRecommendRequest, opts ...Option) (*VectorRecommendResponse, error) {
	response := new(VectorRecommendResponse)
	return response, c.Call(ctx, "vector.recommend", request, response, opts...)
}

// VectorScale is vector.scale: return a vector times a number.
func (c *Client) VectorScale(ctx context.Context, request *VectorScaleRequest, opts ...Option) (*VectorAddResponse, error) {
	response := new(VectorAddResponse)
	return response, c.Call(ctx, "vector.scale", request, response, opts...)
}

// VectorScroll is vector.scroll: list points in the order of their ids, a page at a time.
func (c *Client) VectorScroll(ctx context.Context, request *VectorScrollRequest, opts ...Option) (*VectorScrollResponse, error) {
	response := new(VectorScrollResponse)
	return response, c.Call(ctx, "vector.scroll", request, response, opts...)
}

// VectorSearch is vector.search: return the points whose vectors are nearest to a vector, or to a point's.
func (c *Client) VectorSearch(ctx context.Context, request *VectorSearchRequest, opts ...Option) (*VectorSearchResponse, error) {
	response := new(VectorSearchResponse)
	return response, c.Call(ctx, "vector.search", request, response, opts...)
}

// VectorSetPayload is vector.set_payload: change fields of points' payloads, and leave all else as it is.
func (c *Client) VectorSetPayload(ctx context.Context, request *VectorSetPayloadRequest, opts ...Option) (*VectorSetPayloadResponse, error) {
	response := new(VectorSetPayloadResponse)
	return response, c.Call(ctx, "vector.set_payload", request, response, opts...)
}

// VectorSetPayloadEach is vector.set_payload again and again, as long as this side takes what it is given.
func (c *Client) VectorSetPayloadEach(ctx context.Context, request *VectorSetPayloadRequest, opts ...Option) iter.Seq2[*VectorSetPayloadResponse, error] {
	return RepeatAs[VectorSetPayloadResponse](c.Repeat(ctx, "vector.set_payload", request, opts...))
}

// VectorSubtract is vector.subtract: return the difference of two vectors.
func (c *Client) VectorSubtract(ctx context.Context, request *VectorAddRequest, opts ...Option) (*VectorAddResponse, error) {
	response := new(VectorAddResponse)
	return response, c.Call(ctx, "vector.subtract", request, response, opts...)
}

// VectorUpsert is vector.upsert: put points into a collection, in place of those with the same ids.
func (c *Client) VectorUpsert(ctx context.Context, request *VectorUpsertRequest, opts ...Option) (*VectorUpsertResponse, error) {
	response := new(VectorUpsertResponse)
	return response, c.Call(ctx, "vector.upsert", request, response, opts...)
}

// VectorUpsertEach is vector.upsert again and again, as long as this side takes what it is given.
func (c *Client) VectorUpsertEach(ctx context.Context, request *VectorUpsertRequest, opts ...Option) iter.Seq2[*VectorUpsertResponse, error] {
	return RepeatAs[VectorUpsertResponse](c.Repeat(ctx, "vector.upsert", request, opts...))
}

// VectorWatch is vector.watch: follow changes of collections and their points as they happen.
func (c *Client) VectorWatch(ctx context.Context, request *VectorWatchRequest, opts ...Option) iter.Seq2[Event[VectorWatchEvent], error] {
	return WatchAs[VectorWatchEvent](c.Watch(ctx, "vector.watch", request, opts...))
}

// AgentForgetRequest is what the command table says of it; docs/commands.md describes it.
type AgentForgetRequest struct {
	Agent        string `json:"agent"`                   // the agent's name
	MessagesOnly bool   `json:"messages_only,omitempty"` // drop what waits for it, and keep the agent
}

// AgentForgetResponse is what the command table says of it; docs/commands.md describes it.
type AgentForgetResponse struct {
	Found      bool               `json:"found"`                // whether there was such an agent
	Messages   int                `json:"messages"`             // how many unread messages were dropped
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// AgentInboxRequest is what the command table says of it; docs/commands.md describes it.
type AgentInboxRequest struct {
	Limit      int    `json:"limit,omitempty"`       // at most so many messages
	MaxBytes   int    `json:"max_bytes,omitempty"`   // and at most so many bytes, but at least one message
	Thread     string `json:"thread,omitempty"`      // only messages of this conversation
	After      string `json:"after,omitempty"`       // only messages later than this message_id, to page through what stays unread
	Wait       int64  `json:"wait,omitempty"`        // how long to wait for the first message, in seconds
	WaitMS     int64  `json:"wait_ms,omitempty"`     // the same in milliseconds
	KeepUnread bool   `json:"keep_unread,omitempty"` // leave the messages unread
}

// AgentInboxResponse is what the command table says of it; docs/commands.md describes it.
type AgentInboxResponse struct {
	Agent      string             `json:"agent"`                // your name, by which others write to you
	Messages   []AgentMessage     `json:"messages"`             // the messages, oldest first
	Unread     int                `json:"unread"`               // how many more wait, or with keep_unread, how many in all
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// AgentListRequest is what the command table says of it; docs/commands.md describes it.
type AgentListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only agents whose names begin so
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
	Limit  int    `json:"limit,omitempty"`  // at most so many
}

// AgentListResponse is what the command table says of it; docs/commands.md describes it.
type AgentListResponse struct {
	Items      []AgentLine `json:"items"`                 //
	NextCursor string      `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// AgentSendRequest is what the command table says of it; docs/commands.md describes it.
type AgentSendRequest struct {
	To       string      `json:"to"`                  // the agent's name; * is every agent that there is now, except you
	Message  value.Value `json:"message"`             // text or JSON, at most 16 KiB
	Thread   string      `json:"thread,omitempty"`    // the same in all messages of a conversation
	ReplyTo  string      `json:"reply_to,omitempty"`  // the message_id of the message that this one answers
	DedupeID string      `json:"dedupe_id,omitempty"` // sending it again with the same one within 10 minutes sends nothing
}

// AgentSendResponse is what the command table says of it; docs/commands.md describes it.
type AgentSendResponse struct {
	MessageID   string             `json:"message_id,omitempty"` // absent when a broadcast reached nobody
	DeliveredTo int                `json:"delivered_to"`         // into how many inboxes it was put
	NeverSeen   bool               `json:"never_seen,omitempty"` // true when nobody of that name was here yet: the message waits, perhaps for ever
	Duplicate   bool               `json:"duplicate,omitempty"`  // true when it was sent before with this dedupe_id: nothing was done
	Full        []string           `json:"full,omitempty"`       // of a broadcast: some whose inbox is full, and who did not get it
	Version     uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability  journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// AgentUnreadRequest is what the command table says of it; docs/commands.md describes it.
type AgentUnreadRequest struct {
	Limit    int    `json:"limit,omitempty"`     // at most so many messages
	MaxBytes int    `json:"max_bytes,omitempty"` // and at most so many bytes, but at least one message
	Thread   string `json:"thread,omitempty"`    // only messages of this conversation
	After    string `json:"after,omitempty"`     // only messages later than this message_id, to page through what stays unread
}

// AgentUnreadResponse is what the command table says of it; docs/commands.md describes it.
type AgentUnreadResponse struct {
	Agent    string         `json:"agent"`    // your name, by which others write to you
	Messages []AgentMessage `json:"messages"` // the messages, oldest first
	Unread   int            `json:"unread"`   // how many more wait, or with keep_unread, how many in all
}

// AgentWatchRequest is what the command table says of it; docs/commands.md describes it.
type AgentWatchRequest struct {
	From   journal.Position `json:"from,omitzero"`     // go on after this position or version; absent, or 0, means from now on
	Limit  int              `json:"limit,omitempty"`   // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS int64            `json:"wait_ms,omitempty"` // answered at once: how long to wait for the first event, in milliseconds
}

// AgentWatchEvent is what the command table says of it; docs/commands.md describes it.
type AgentWatchEvent struct {
	MessageID string `json:"message_id"`          //
	From      string `json:"from"`                // who sent it
	Thread    string `json:"thread,omitempty"`    //
	Broadcast bool   `json:"broadcast,omitempty"` // true when it went to everybody
	Version   uint64 `json:"version"`             // the version of this change
}

// AuthKeyCreateRequest is what the command table says of it; docs/commands.md describes it.
type AuthKeyCreateRequest struct {
	Name         string   `json:"name,omitempty"`           // what it is called, in logs and as the author of what it writes; absent is made of its id
	Roles        []string `json:"roles,omitempty"`          // what it may do, as names of roles: admin, writer, reader, kv-reader, …; auth.role.list has them all
	Permissions  []string `json:"permissions,omitempty"`    // what else it may do, each written like write:queue:jobs or read:kv:user:*
	Home         string   `json:"home,omitempty"`           // the namespace that it belongs to; absent is the one that you belong to
	Namespaces   []string `json:"namespaces,omitempty"`     // further namespaces that it may select; * is every one. Who may administer everything may select every one anyway
	TTL          int64    `json:"ttl,omitempty"`            // seconds until it expires; absent is never
	TTLMS        int64    `json:"ttl_ms,omitempty"`         // milliseconds until it expires, instead of ttl
	Networks     []string `json:"networks,omitempty"`       // where it may be used from: addresses, or networks like 10.1.0.0/16; absent is everywhere
	RequestsPerS int64    `json:"requests_per_s,omitempty"` // how many requests a second it may make; absent is as many as every key
	Burst        int64    `json:"burst,omitempty"`          // how many of them at once; absent is as many as in a second
	Profile      string   `json:"profile,omitempty"`        // the only profile of MCP tools that it is for, such as kv or readonly: others are neither shown nor run; absent is any
}

// AuthKeyCreateResponse is what the command table says of it; docs/commands.md describes it.
type AuthKeyCreateResponse struct {
	Secret       string               `json:"secret"`                   // the key itself, to be sent as Authorization: Bearer …; it is told this once and cannot be told again
	ID           string               `json:"id"`                       // the second part of its secret, which is no secret itself
	Name         string               `json:"name"`                     // what it is called
	Roles        []string             `json:"roles,omitempty"`          //
	Permissions  []string             `json:"permissions,omitempty"`    // what it may do besides what its roles allow
	Home         string               `json:"home"`                     // the namespace that it belongs to
	Namespaces   []string             `json:"namespaces,omitempty"`     // further namespaces that it may select; * is every one
	Networks     []string             `json:"networks,omitempty"`       // where it may be used from; absent is everywhere
	RequestsPerS int64                `json:"requests_per_s,omitempty"` // how many requests a second it may make; absent is as many as every key
	Burst        int64                `json:"burst,omitempty"`          // how many of them at once; absent is as many as in a second
	Profile      string               `json:"profile,omitempty"`        // the only profile of MCP tools that it is for; absent is any
	CreatedAt    int64                `json:"created_at"`               // in Unix milliseconds
	CreatedBy    string               `json:"created_by"`               //
	ExpiresAt    int64                `json:"expires_at,omitempty"`     // in Unix milliseconds; absent is never
	LastUsedAt   int64                `json:"last_used_at,omitempty"`   // in Unix milliseconds, to the second; absent is never
	Expired      bool                 `json:"expired,omitempty"`        // true when it cannot be used any more
	Secrets      []DirectoryKeySecret `json:"secrets"`                  // its secret; while it is being replaced, the one before, too
	Version      uint64               `json:"version,omitempty"`        // the version that this write gave to all it changed; absent when nothing changed
	Durability   journal.Durability   `json:"durability,omitempty"`     // how safe the write is: memory, buffered, fsynced or replicated
}

// AuthKeyListRequest is what the command table says of it; docs/commands.md describes it.
type AuthKeyListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only names that begin so
	Limit  int    `json:"limit,omitempty"`  // at most so many
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
}

// AuthKeyListResponse is what the command table says of it; docs/commands.md describes it.
type AuthKeyListResponse struct {
	Items      []DirectoryKey `json:"items"`                 //
	NextCursor string         `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// AuthKeyRevokeRequest is what the command table says of it; docs/commands.md describes it.
type AuthKeyRevokeRequest struct {
	Key string `json:"key"` // its id, or its name
}

// AuthKeyRevokeResponse is what the command table says of it; docs/commands.md describes it.
type AuthKeyRevokeResponse struct {
	ID         string             `json:"id"`                   //
	Name       string             `json:"name"`                 //
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// AuthKeyRotateRequest is what the command table says of it; docs/commands.md describes it.
type AuthKeyRotateRequest struct {
	Key       string `json:"key"`                  // its id, or its name
	Overlap   *int64 `json:"overlap,omitempty"`    // seconds for which the secret before goes on working; absent is a day, 0 ends it at once
	OverlapMS *int64 `json:"overlap_ms,omitempty"` // the same in milliseconds
}

// AuthKeyUpdateRequest is what the command table says of it; docs/commands.md describes it.
type AuthKeyUpdateRequest struct {
	Key          string    `json:"key"`                      // its id, or its name
	Name         string    `json:"name,omitempty"`           // what it is called from now on
	Roles        *[]string `json:"roles,omitempty"`          // all of its roles from now on
	Permissions  *[]string `json:"permissions,omitempty"`    // all of its own permissions from now on
	Home         string    `json:"home,omitempty"`           // the namespace that it belongs to from now on
	Namespaces   *[]string `json:"namespaces,omitempty"`     // all further namespaces that it may select from now on; * is every one
	Networks     *[]string `json:"networks,omitempty"`       // where it may be used from, from now on; an empty list is everywhere
	TTL          *int64    `json:"ttl,omitempty"`            // seconds from now until it expires; 0 is never
	TTLMS        *int64    `json:"ttl_ms,omitempty"`         // the same in milliseconds
	RequestsPerS *int64    `json:"requests_per_s,omitempty"` // how many requests a second it may make; 0 is as many as every key
	Burst        *int64    `json:"burst,omitempty"`          // how many of them at once; 0 is as many as in a second
	Profile      *string   `json:"profile,omitempty"`        // the only profile of MCP tools that it is for, from now on; an empty text is any
}

// AuthKeyUpdateResponse is what the command table says of it; docs/commands.md describes it.
type AuthKeyUpdateResponse struct {
	ID           string               `json:"id"`                       // the second part of its secret, which is no secret itself
	Name         string               `json:"name"`                     // what it is called
	Roles        []string             `json:"roles,omitempty"`          //
	Permissions  []string             `json:"permissions,omitempty"`    // what it may do besides what its roles allow
	Home         string               `json:"home"`                     // the namespace that it belongs to
	Namespaces   []string             `json:"namespaces,omitempty"`     // further namespaces that it may select; * is every one
	Networks     []string             `json:"networks,omitempty"`       // where it may be used from; absent is everywhere
	RequestsPerS int64                `json:"requests_per_s,omitempty"` // how many requests a second it may make; absent is as many as every key
	Burst        int64                `json:"burst,omitempty"`          // how many of them at once; absent is as many as in a second
	Profile      string               `json:"profile,omitempty"`        // the only profile of MCP tools that it is for; absent is any
	CreatedAt    int64                `json:"created_at"`               // in Unix milliseconds
	CreatedBy    string               `json:"created_by"`               //
	ExpiresAt    int64                `json:"expires_at,omitempty"`     // in Unix milliseconds; absent is never
	LastUsedAt   int64                `json:"last_used_at,omitempty"`   // in Unix milliseconds, to the second; absent is never
	Expired      bool                 `json:"expired,omitempty"`        // true when it cannot be used any more
	Secrets      []DirectoryKeySecret `json:"secrets"`                  // its secret; while it is being replaced, the one before, too
	Version      uint64               `json:"version,omitempty"`        // the version that this write gave to all it changed; absent when nothing changed
	Durability   journal.Durability   `json:"durability,omitempty"`     // how safe the write is: memory, buffered, fsynced or replicated
}

// AuthRoleCreateRequest is what the command table says of it; docs/commands.md describes it.
type AuthRoleCreateRequest struct {
	Name        string   `json:"name"`        // the role
	Permissions []string `json:"permissions"` // permissions, each written like write:queue:jobs or read:kv:user:*
}

// AuthRoleCreateResponse is what the command table says of it; docs/commands.md describes it.
type AuthRoleCreateResponse struct {
	Name        string             `json:"name"`                 //
	Permissions []string           `json:"permissions"`          // what it allows
	Builtin     bool               `json:"builtin,omitempty"`    // true for one that there always is, and that cannot be changed
	CreatedAt   int64              `json:"created_at,omitempty"` // in Unix milliseconds; absent of a built-in one
	CreatedBy   string             `json:"created_by,omitempty"` //
	Version     uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability  journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// AuthRoleDeleteRequest is what the command table says of it; docs/commands.md describes it.
type AuthRoleDeleteRequest struct {
	Name string `json:"name"` // its name
}

// AuthRoleDeleteResponse is what the command table says of it; docs/commands.md describes it.
type AuthRoleDeleteResponse struct {
	Name       string             `json:"name"`                 //
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// AuthRoleListRequest is what the command table says of it; docs/commands.md describes it.
type AuthRoleListRequest struct {
}

// AuthRoleListResponse is what the command table says of it; docs/commands.md describes it.
type AuthRoleListResponse struct {
	Items []DirectoryRole `json:"items"` //
}

// AuthTicketRequest is what the command table says of it; docs/commands.md describes it.
type AuthTicketRequest struct {
}

// AuthTicketResponse is what the command table says of it; docs/commands.md describes it.
type AuthTicketResponse struct {
	Ticket    string `json:"ticket"`     // put it into the address of the WebSocket: /v1/ws?ticket=…
	ExpiresAt int64  `json:"expires_at"` // until when it is good, in Unix milliseconds; and for one connection
}

// AuthUserCreateRequest is what the command table says of it; docs/commands.md describes it.
type AuthUserCreateRequest struct {
	Name        string   `json:"name"`                  // what it signs in with
	Password    string   `json:"password"`              // 8 bytes at least
	Roles       []string `json:"roles,omitempty"`       // what it may do, as names of roles: admin, writer, reader, kv-reader, …; auth.role.list has them all
	Permissions []string `json:"permissions,omitempty"` // what else it may do, each written like write:queue:jobs or read:kv:user:*
	Home        string   `json:"home,omitempty"`        // the namespace that it belongs to; absent is the one that you belong to
	Namespaces  []string `json:"namespaces,omitempty"`  // further namespaces that it may select; * is every one. Who may administer everything may select every one anyway
}

// AuthUserCreateResponse is what the command table says of it; docs/commands.md describes it.
type AuthUserCreateResponse struct {
	Name        string             `json:"name"`                   //
	Roles       []string           `json:"roles,omitempty"`        //
	Permissions []string           `json:"permissions,omitempty"`  // what it may do besides what its roles allow
	Home        string             `json:"home"`                   // the namespace that it belongs to
	Namespaces  []string           `json:"namespaces,omitempty"`   // further namespaces that it may select; * is every one
	Disabled    bool               `json:"disabled,omitempty"`     // true when it may not sign in
	CreatedAt   int64              `json:"created_at"`             // in Unix milliseconds
	CreatedBy   string             `json:"created_by"`             //
	LastUsedAt  int64              `json:"last_used_at,omitempty"` // in Unix milliseconds, to the second; absent is never
	Version     uint64             `json:"version,omitempty"`      // the version that this write gave to all it changed; absent when nothing changed
	Durability  journal.Durability `json:"durability,omitempty"`   // how safe the write is: memory, buffered, fsynced or replicated
}

// AuthUserListResponse is what the command table says of it; docs/commands.md describes it.
type AuthUserListResponse struct {
	Items      []DirectoryUser `json:"items"`                 //
	NextCursor string          `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// AuthUserUpdateRequest is what the command table says of it; docs/commands.md describes it.
type AuthUserUpdateRequest struct {
	Name        string    `json:"name"`                  // the user
	Password    string    `json:"password,omitempty"`    // a new password
	Roles       *[]string `json:"roles,omitempty"`       // all of its roles from now on
	Permissions *[]string `json:"permissions,omitempty"` // all of its own permissions from now on
	Disabled    *bool     `json:"disabled,omitempty"`    // whether it is kept from signing in
}

// AuthWhoamiRequest is what the command table says of it; docs/commands.md describes it.
type AuthWhoamiRequest struct {
}

// AuthWhoamiResponse is what the command table says of it; docs/commands.md describes it.
type AuthWhoamiResponse struct {
	Name          string   `json:"name"`                    // what you are called
	Key           string   `json:"key,omitempty"`           // the id of the API key that you called with; absent for people, and where nobody is asked who calls
	Namespace     string   `json:"namespace"`               // where your commands work
	Namespaces    []string `json:"namespaces,omitempty"`    // further namespaces that you may select
	AnyNamespace  bool     `json:"any_namespace,omitempty"` // true when you may select every namespace
	Permissions   []string `json:"permissions"`             // what you may do: access:structure:name
	Administrator bool     `json:"administrator,omitempty"` // true when you may do everything
	Profile       string   `json:"profile,omitempty"`       // the only profile of MCP tools that your key is for; absent is any
	ExpiresAt     int64    `json:"expires_at,omitempty"`    // when your key expires, in Unix milliseconds; absent is never
}

// DistanceEuclideanRequest is what the command table says of it; docs/commands.md describes it.
type DistanceEuclideanRequest struct {
	A     []float32   `json:"a,omitempty"`     // a vector
	B     []float32   `json:"b,omitempty"`     // another, equally long
	ARows [][]float32 `json:"a_rows,omitzero"` // instead of a: several vectors
	BRows [][]float32 `json:"b_rows,omitzero"` // with a_rows: several others; every one of a_rows is compared with every one of b_rows
}

// DistanceEuclideanResponse is what the command table says of it; docs/commands.md describes it.
type DistanceEuclideanResponse struct {
	Result  *float64    `json:"result,omitempty"` // of a and b
	Results [][]float32 `json:"results,omitzero"` // of a_rows and b_rows: a row for each of the first, a column for each of the others
}

// DistanceHammingRequest is what the command table says of it; docs/commands.md describes it.
type DistanceHammingRequest struct {
	A     []float32   `json:"a,omitempty"`     // a vector
	B     []float32   `json:"b,omitempty"`     // another, equally long
	ARows [][]float32 `json:"a_rows,omitzero"` // instead of a: several vectors
	BRows [][]float32 `json:"b_rows,omitzero"` // with a_rows: several others; every one of a_rows is compared with every one of b_rows
	ABits value.Value `json:"a_bits,omitzero"` // instead of a: bytes
	BBits value.Value `json:"b_bits,omitzero"` // with a_bits: as many others
}

// KVAppendRequest is what the command table says of it; docs/commands.md describes it.
type KVAppendRequest struct {
	Key   string      `json:"key"`   // the key to add to; it is made if it does not exist
	Value value.Value `json:"value"` // what to put after what it holds
}

// KVAppendResponse is what the command table says of it; docs/commands.md describes it.
type KVAppendResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Length     int                `json:"length"`               // the value's length in bytes now
}

// KVCheckRequest is what the command table says of it; docs/commands.md describes it.
type KVCheckRequest struct {
	Key     string      `json:"key"`               // the key
	Version *uint64     `json:"version,omitempty"` // the key has this version, 0 for a key that does not exist
	Exists  *bool       `json:"exists,omitempty"`  // whether the key exists
	Value   value.Value `json:"value,omitzero"`    // the key holds just this
}

// KVCheckResponse is what the command table says of it; docs/commands.md describes it.
type KVCheckResponse struct {
	Exists  bool   `json:"exists"`  // whether the key exists
	Version uint64 `json:"version"` // the write that last changed the key; 0 when it does not exist
}

// KVClearRequest is what the command table says of it; docs/commands.md describes it.
type KVClearRequest struct {
	Prefix  string `json:"prefix,omitempty"`  // only keys that begin so; absent is every key
	Confirm bool   `json:"confirm,omitempty"` // must be true; without it the answer says how many keys would go
}

// KVClearResponse is what the command table says of it; docs/commands.md describes it.
type KVClearResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Removed    int64              `json:"removed"`              // how many keys are gone
}

// KVCopyRequest is what the command table says of it; docs/commands.md describes it.
type KVCopyRequest struct {
	Key       string `json:"key"`                  // the key to copy
	To        string `json:"to"`                   // the name of the copy; what that held before is replaced
	IfAbsent  bool   `json:"if_absent,omitempty"`  // only if there is no key of that name; already_exists otherwise
	TTL       int64  `json:"ttl,omitempty"`        // seconds until the key expires
	TTLMS     int64  `json:"ttl_ms,omitempty"`     // milliseconds until the key expires
	ExpiresAt int64  `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds
}

// KVCopyResponse is what the command table says of it; docs/commands.md describes it.
type KVCopyResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Replaced   bool               `json:"replaced"`             // true when there was a key of the new name before
}

// KVCountRequest is what the command table says of it; docs/commands.md describes it.
type KVCountRequest struct {
	Prefix string `json:"prefix,omitempty"` // only keys that begin so
	Start  string `json:"start,omitempty"`  // only keys from this one on, in bytewise order
	End    string `json:"end,omitempty"`    // only keys before this one
	Glob   string `json:"glob,omitempty"`   // only keys that fit the pattern: * any characters, ? any one, [a-z] one of a set, \\ before a character to take it as it is
}

// KVCountResponse is what the command table says of it; docs/commands.md describes it.
type KVCountResponse struct {
	Count int64 `json:"count"` // how many keys there are
}

// KVDeleteRequest is what the command table says of it; docs/commands.md describes it.
type KVDeleteRequest struct {
	Key       string   `json:"key,omitempty"`        // the key to delete, if it is one
	Keys      []string `json:"keys,omitempty"`       // the keys to delete, if they are several
	IfVersion *uint64  `json:"if_version,omitempty"` // only if the key has this version; conflict otherwise; one key only
}

// KVDeleteResponse is what the command table says of it; docs/commands.md describes it.
type KVDeleteResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Deleted    []string           `json:"deleted"`              // those that existed and are gone
	Missing    []string           `json:"missing"`              // those that did not exist
}

// KVExistsRequest is what the command table says of it; docs/commands.md describes it.
type KVExistsRequest struct {
	Keys []string `json:"keys"` // the keys to look for
}

// KVExistsResponse is what the command table says of it; docs/commands.md describes it.
type KVExistsResponse struct {
	Existing []string `json:"existing"` // those that exist, in the order asked for
	Missing  []string `json:"missing"`  // those that do not
}

// KVExpireRequest is what the command table says of it; docs/commands.md describes it.
type KVExpireRequest struct {
	Key       string  `json:"key"`                  // the key
	TTL       int64   `json:"ttl,omitempty"`        // seconds until the key expires
	TTLMS     int64   `json:"ttl_ms,omitempty"`     // milliseconds until the key expires
	ExpiresAt int64   `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds
	IfVersion *uint64 `json:"if_version,omitempty"` // only if the key has this version; conflict otherwise
}

// KVExpireResponse is what the command table says of it; docs/commands.md describes it.
type KVExpireResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Found      bool               `json:"found"`                // false when there is no such key
	ExpiresAt  int64              `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds; absent when it does not
}

// KVGetRequest is what the command table says of it; docs/commands.md describes it.
type KVGetRequest struct {
	Key string `json:"key"` // the key
}

// KVGetResponse is what the command table says of it; docs/commands.md describes it.
type KVGetResponse struct {
	Found   bool        `json:"found"`             // false when there is no such key
	Value   value.Value `json:"value,omitzero"`    // what the key holds
	Version uint64      `json:"version,omitempty"` // the write that last changed the key
	TTLMS   int64       `json:"ttl_ms,omitempty"`  // milliseconds until the key expires; absent when it does not
}

// KVGetrangeRequest is what the command table says of it; docs/commands.md describes it.
type KVGetrangeRequest struct {
	Key   string `json:"key"`             // the key
	Start int64  `json:"start,omitempty"` // the first byte; negative counts from the end
	End   *int64 `json:"end,omitempty"`   // the last byte, inclusive; negative counts from the end; absent is the last one
}

// KVGetrangeResponse is what the command table says of it; docs/commands.md describes it.
type KVGetrangeResponse struct {
	Found   bool        `json:"found"`             // false when there is no such key
	Value   value.Value `json:"value,omitzero"`    // the part: bytes of bytes, else text, or bytes if it cuts a character
	Size    int         `json:"size"`              // the whole value's length in bytes
	Version uint64      `json:"version,omitempty"` // the write that last changed the key
}

// KVGetsetRequest is what the command table says of it; docs/commands.md describes it.
type KVGetsetRequest struct {
	Key       string      `json:"key"`                  // the key to set
	Value     value.Value `json:"value"`                // what it is to hold
	TTL       int64       `json:"ttl,omitempty"`        // seconds until the key expires
	TTLMS     int64       `json:"ttl_ms,omitempty"`     // milliseconds until the key expires
	ExpiresAt int64       `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds
	KeepTTL   bool        `json:"keep_ttl,omitempty"`   // keep the deadline that the key has
}

// KVGetsetResponse is what the command table says of it; docs/commands.md describes it.
type KVGetsetResponse struct {
	Version    uint64             `json:"version,omitempty"`     // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"`  // how safe the write is: memory, buffered, fsynced or replicated
	Found      bool               `json:"found"`                 // false when the key did not exist before
	Value      value.Value        `json:"value,omitzero"`        // what it held before
	OldVersion uint64             `json:"old_version,omitempty"` // the version it had before
}

// KVIncrementRequest is what the command table says of it; docs/commands.md describes it.
type KVIncrementRequest struct {
	Key       string      `json:"key"`                  // the key to add to; it is made if it does not exist
	By        value.Value `json:"by,omitzero"`          // what to add, perhaps negative: integers are added exactly, others as floats
	Initial   value.Value `json:"initial,omitzero"`     // what a key that does not exist holds before
	TTL       int64       `json:"ttl,omitempty"`        // seconds until the key expires
	TTLMS     int64       `json:"ttl_ms,omitempty"`     // milliseconds until the key expires
	ExpiresAt int64       `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds
}

// KVIncrementResponse is what the command table says of it; docs/commands.md describes it.
type KVIncrementResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Value      value.Value        `json:"value"`                // the number that the key holds now
	Created    bool               `json:"created"`              // true when the key did not exist before
}

// KVLengthRequest is what the command table says of it; docs/commands.md describes it.
type KVLengthRequest struct {
	Key string `json:"key"` // the key
}

// KVLengthResponse is what the command table says of it; docs/commands.md describes it.
type KVLengthResponse struct {
	Found  bool `json:"found"`  // false when there is no such key
	Length int  `json:"length"` // the value's length in bytes; 0 when there is no such key
}

// KVListRequest is what the command table says of it; docs/commands.md describes it.
type KVListRequest struct {
	Prefix   string `json:"prefix,omitempty"`    // only keys that begin so
	Start    string `json:"start,omitempty"`     // only keys from this one on, in bytewise order
	End      string `json:"end,omitempty"`       // only keys before this one
	Glob     string `json:"glob,omitempty"`      // only keys that fit the pattern: * any characters, ? any one, [a-z] one of a set, \\ before a character to take it as it is
	Values   string `json:"values,omitempty"`    // what to show of the values: none, preview for the first 120 bytes of text and JSON, or full
	Limit    int    `json:"limit,omitempty"`     // how many keys a page has at most
	MaxBytes int    `json:"max_bytes,omitempty"` // end the page early when its keys and values come to about so many bytes
	Cursor   string `json:"cursor,omitempty"`    // next_cursor of the page before, with everything else the same
}

// KVListResponse is what the command table says of it; docs/commands.md describes it.
type KVListResponse struct {
	Items      []KVListItem `json:"items"`                 // the keys, in bytewise order
	Total      *int64       `json:"total,omitempty"`       // how many keys there are on all pages; on the first page only, and not with a glob that has to look at each key
	NextCursor string       `json:"next_cursor,omitempty"` // pass this as cursor for the next page, even if this one is empty; absent on the last page
}

// KVMgetRequest is what the command table says of it; docs/commands.md describes it.
type KVMgetRequest struct {
	Keys     []string `json:"keys"`                // the keys to read
	Offset   int64    `json:"offset,omitempty"`    // byte offset into the value, for reading on where it was cut; one key only
	MaxBytes int64    `json:"max_bytes,omitempty"` // how many bytes of values to answer in all: the longest are cut, and bytes count double; absent cuts nothing
}

// KVMgetResponse is what the command table says of it; docs/commands.md describes it.
type KVMgetResponse struct {
	Items []KVGotItem `json:"items"` // one for each key, in the order asked for
}

// KVMsetRequest is what the command table says of it; docs/commands.md describes it.
type KVMsetRequest struct {
	Entries  []KVEntry `json:"entries"`             // the keys to set
	IfAbsent bool      `json:"if_absent,omitempty"` // only if none of the keys exists; already_exists otherwise
}

// KVMsetResponse is what the command table says of it; docs/commands.md describes it.
type KVMsetResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Created    int                `json:"created"`              // how many of the keys did not exist before
	Replaced   int                `json:"replaced"`             // how many did
}

// KVPersistRequest is what the command table says of it; docs/commands.md describes it.
type KVPersistRequest struct {
	Key string `json:"key"` // the key
}

// KVRandomRequest is what the command table says of it; docs/commands.md describes it.
type KVRandomRequest struct {
}

// KVRandomResponse is what the command table says of it; docs/commands.md describes it.
type KVRandomResponse struct {
	Found bool   `json:"found"`         // false when there are no keys
	Key   string `json:"key,omitempty"` // a key; every one is as likely
}

// KVRenameRequest is what the command table says of it; docs/commands.md describes it.
type KVRenameRequest struct {
	Key      string `json:"key"`                 // the key to rename
	To       string `json:"to"`                  // its new name; what that held before is replaced
	IfAbsent bool   `json:"if_absent,omitempty"` // only if there is no key of the new name; already_exists otherwise
}

// KVSetRequest is what the command table says of it; docs/commands.md describes it.
type KVSetRequest struct {
	Key       string      `json:"key"`                  // the key to set
	Value     value.Value `json:"value"`                // what it is to hold
	TTL       int64       `json:"ttl,omitempty"`        // seconds until the key expires
	TTLMS     int64       `json:"ttl_ms,omitempty"`     // milliseconds until the key expires
	ExpiresAt int64       `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds
	IfAbsent  bool        `json:"if_absent,omitempty"`  // only if the key does not exist; already_exists otherwise
	IfPresent bool        `json:"if_present,omitempty"` // only if the key exists; not_found otherwise
	IfVersion *uint64     `json:"if_version,omitempty"` // only if the key has this version, 0 for a key that does not exist; conflict otherwise
	KeepTTL   bool        `json:"keep_ttl,omitempty"`   // keep the deadline that the key has; otherwise a set without one takes it away
	ReturnOld bool        `json:"return_old,omitempty"` // answer with what the key held before
}

// KVSetResponse is what the command table says of it; docs/commands.md describes it.
type KVSetResponse struct {
	Version    uint64             `json:"version,omitempty"`     // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"`  // how safe the write is: memory, buffered, fsynced or replicated
	Created    bool               `json:"created"`               // true when the key did not exist before
	ExpiresAt  int64              `json:"expires_at,omitempty"`  // when the key expires, in Unix milliseconds; absent when it does not
	Old        value.Value        `json:"old,omitzero"`          // what the key held before, if return_old was asked for
	OldVersion uint64             `json:"old_version,omitempty"` // the version it had
}

// KVSetrangeRequest is what the command table says of it; docs/commands.md describes it.
type KVSetrangeRequest struct {
	Key    string      `json:"key"`              // the key to change; it is made if it does not exist
	Offset int64       `json:"offset,omitempty"` // the first byte to overwrite; zero bytes fill what lies between the end and there
	Value  value.Value `json:"value"`            // what to write there
}

// KVStatsRequest is what the command table says of it; docs/commands.md describes it.
type KVStatsRequest struct {
}

// KVStatsResponse is what the command table says of it; docs/commands.md describes it.
type KVStatsResponse struct {
	Keys          int64 `json:"keys"`                  // how many keys there are
	Expiring      int64 `json:"expiring"`              // how many of them have a deadline
	NextExpiry    int64 `json:"next_expiry,omitempty"` // the earliest deadline, in Unix milliseconds
	Bytes         int64 `json:"bytes"`                 // about how much memory the keys take, their order included
	KeyBytes      int64 `json:"key_bytes"`             // of which are keys
	ValueBytes    int64 `json:"value_bytes"`           // of which are values
	MaxKeyBytes   int   `json:"max_key_bytes"`         // how long a key may be
	MaxValueBytes int   `json:"max_value_bytes"`       // how long a value may be
}

// KVTTLRequest is what the command table says of it; docs/commands.md describes it.
type KVTTLRequest struct {
	Key string `json:"key"` // the key
}

// KVTTLResponse is what the command table says of it; docs/commands.md describes it.
type KVTTLResponse struct {
	Found     bool   `json:"found"`                // false when there is no such key
	TTL       int64  `json:"ttl,omitempty"`        // seconds until the key expires, rounded up; absent when it does not
	TTLMS     int64  `json:"ttl_ms,omitempty"`     // the same in milliseconds
	ExpiresAt int64  `json:"expires_at,omitempty"` // when it expires, in Unix milliseconds
	Version   uint64 `json:"version,omitempty"`    // the write that last changed the key
}

// KVWatchRequest is what the command table says of it; docs/commands.md describes it.
type KVWatchRequest struct {
	From     journal.Position `json:"from,omitzero"`      // go on after this position or version; absent, or 0, means from now on
	Limit    int              `json:"limit,omitempty"`    // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS   int64            `json:"wait_ms,omitempty"`  // answered at once: how long to wait for the first event, in milliseconds
	Keys     []string         `json:"keys,omitempty"`     // follow these keys
	Prefixes []string         `json:"prefixes,omitempty"` // follow the keys that begin with one of these
	Globs    []string         `json:"globs,omitempty"`    // follow the keys that fit one of these patterns
	Events   []string         `json:"events,omitempty"`   // only these events: set, delete, expire, touch (its deadline changed), clear (all keys under a prefix); absent is all
}

// KVWatchEvent is what the command table says of it; docs/commands.md describes it.
type KVWatchEvent struct {
	Event     string      `json:"event"`                // set, delete, expire (its deadline came), touch (its deadline changed) or clear
	Key       string      `json:"key,omitempty"`        // the key; absent of a clear
	Prefix    string      `json:"prefix,omitempty"`     // of a clear: every key that begins so is gone; absent for all keys
	Value     value.Value `json:"value,omitzero"`       // of a set: what the key holds now
	ExpiresAt int64       `json:"expires_at,omitempty"` // of a set or touch: when the key expires, in Unix milliseconds; absent when it does not
	Version   uint64      `json:"version"`              // the version of this change
}

// MatrixAddRequest is what the command table says of it; docs/commands.md describes it.
type MatrixAddRequest struct {
	A [][]float32 `json:"a"` // the first matrix
	B [][]float32 `json:"b"` // the second
}

// MatrixAddResponse is what the command table says of it; docs/commands.md describes it.
type MatrixAddResponse struct {
	Result [][]float32 `json:"result"` //
}

// MatrixDeterminantRequest is what the command table says of it; docs/commands.md describes it.
type MatrixDeterminantRequest struct {
	A [][]float32 `json:"a"` // the matrix
}

// MatrixDeterminantResponse is what the command table says of it; docs/commands.md describes it.
type MatrixDeterminantResponse struct {
	Result float64 `json:"result"` //
}

// MemoryClearRequest is what the command table says of it; docs/commands.md describes it.
type MemoryClearRequest struct {
	Collection string `json:"collection"` // the collection of which every memory is forgotten
}

// MemoryClearResponse is what the command table says of it; docs/commands.md describes it.
type MemoryClearResponse struct {
	Deleted    int                `json:"deleted"`              // how many memories there were
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// MemoryCollectionsRequest is what the command table says of it; docs/commands.md describes it.
type MemoryCollectionsRequest struct {
	Prefix string `json:"prefix,omitempty"` // only names that begin so
	Limit  int    `json:"limit,omitempty"`  // at most so many a page
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
}

// MemoryCollectionsResponse is what the command table says of it; docs/commands.md describes it.
type MemoryCollectionsResponse struct {
	Items      []MemoryCollectionInfo `json:"items"`                 //
	NextCursor string                 `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// MemoryDeleteRequest is what the command table says of it; docs/commands.md describes it.
type MemoryDeleteRequest struct {
	IDs []string `json:"ids"` // the memories' ids
}

// MemoryDeleteResponse is what the command table says of it; docs/commands.md describes it.
type MemoryDeleteResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Deleted    []string           `json:"deleted"`              // those that were there and are gone
	Missing    []string           `json:"missing"`              // those that were not there
}

// MemoryGetRequest is what the command table says of it; docs/commands.md describes it.
type MemoryGetRequest struct {
	ID string `json:"id"` // the memory's id, such as default:17
}

// MemoryGetResponse is what the command table says of it; docs/commands.md describes it.
type MemoryGetResponse struct {
	Found  bool          `json:"found"`            // whether there is a memory of that id
	Memory *MemoryMemory `json:"memory,omitempty"` //
}

// MemoryListRequest is what the command table says of it; docs/commands.md describes it.
type MemoryListRequest struct {
	IDs        []string        `json:"ids,omitempty"`        // these memories; a collection, a filter and a cursor mean nothing then
	Collection string          `json:"collection,omitempty"` // or those of this collection, the newest first
	Filter     json.RawMessage `json:"filter,omitempty"`     // only those with such metadata, as in memory.search
	Limit      int             `json:"limit,omitempty"`      // at most so many a page
	Cursor     string          `json:"cursor,omitempty"`     // next_cursor of the page before, with everything else the same
	MaxBytes   int             `json:"max_bytes,omitempty"`  // end the page early when it comes to about so many bytes
}

// MemoryListResponse is what the command table says of it; docs/commands.md describes it.
type MemoryListResponse struct {
	Items      []MemoryMemory `json:"items"`                 //
	Missing    []string       `json:"missing,omitempty"`     // ids of which there is no memory
	Total      *int           `json:"total,omitempty"`       // how many the collection has; on the first page only, and not with a filter
	NextCursor string         `json:"next_cursor,omitempty"` // pass it as cursor for the next page, even if this one is empty; absent on the last one
}

// MemorySearchRequest is what the command table says of it; docs/commands.md describes it.
type MemorySearchRequest struct {
	Query      string          `json:"query"`                     // what to look for, in words: a question or a few keywords
	Collection string          `json:"collection,omitempty"`      // where to look
	Filter     json.RawMessage `json:"filter,omitempty"`          // what the metadata must be: {"field":value}, or {"field":{"gte":1,"lt":9}}, with eq, ne, in, nin, gt, gte, lt, lte, exists, prefix
	Limit      int             `json:"limit,omitempty"`           // at most so many results
	MinScore   float64         `json:"min_score,omitempty"`       // only results with this score at least
	Format     string          `json:"response_format,omitempty"` // concise cuts texts at 300 bytes and leaves out details
	MaxBytes   int             `json:"max_bytes,omitempty"`       // end early when the results come to about so many bytes
}

// MemorySearchResponse is what the command table says of it; docs/commands.md describes it.
type MemorySearchResponse struct {
	Results   []MemoryResult `json:"results"`             // the memories that fit best, the best first
	Ranking   string         `json:"ranking"`             // hybrid: by words and by meaning; lexical: by words alone
	Note      string         `json:"note,omitempty"`      // what a ranking could not heed, and why
	Truncated bool           `json:"truncated,omitempty"` // whether results were left out because all together were too long
}

// MemoryStatsRequest is what the command table says of it; docs/commands.md describes it.
type MemoryStatsRequest struct {
}

// MemoryStatsResponse is what the command table says of it; docs/commands.md describes it.
type MemoryStatsResponse struct {
	Memories    int                  `json:"memories"`    // how many there are
	Collections int                  `json:"collections"` // in how many collections
	Bytes       int64                `json:"bytes"`       // about how much memory they take, with their indexes
	Waiting     int                  `json:"waiting"`     // how many wait for a vector of the embedder's model
	Embedder    MemoryEmbedderStatus `json:"embedder"`    //
}

// MemoryStoreRequest is what the command table says of it; docs/commands.md describes it.
type MemoryStoreRequest struct {
	Text        string          `json:"text"`                   // what to remember: at most 16384 bytes
	Collection  string          `json:"collection,omitempty"`   // where to keep it
	Metadata    json.RawMessage `json:"metadata,omitempty"`     // facts to filter by, any JSON object
	Source      string          `json:"source,omitempty"`       // where the text comes from: a file, an address, a conversation
	TTL         int64           `json:"ttl,omitempty"`          // seconds until it is forgotten; absent means never
	TTLMS       int64           `json:"ttl_ms,omitempty"`       // milliseconds until it is forgotten
	SkipSimilar bool            `json:"skip_similar,omitempty"` // for many at once: look for no near duplicates, and wait for no embedding, which follows
}

// MemoryStoreResponse is what the command table says of it; docs/commands.md describes it.
type MemoryStoreResponse struct {
	ID         string             `json:"id"`                   // what the memory is called from now on
	Similar    []MemorySimilar    `json:"similar,omitempty"`    // memories that say nearly the same; updating one of them may be better than having both
	Embedded   bool               `json:"embedded,omitempty"`   // whether it can be found by meaning already; by words it can
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// MemoryUpdateRequest is what the command table says of it; docs/commands.md describes it.
type MemoryUpdateRequest struct {
	ID        string          `json:"id"`                   // the memory's id, such as default:17
	Text      string          `json:"text,omitempty"`       // the text from now on
	Metadata  json.RawMessage `json:"metadata,omitempty"`   // fields that are put over those there are; null removes one
	Source    string          `json:"source,omitempty"`     // where the text comes from
	TTL       int64           `json:"ttl,omitempty"`        // seconds until it is forgotten; absent means never
	TTLMS     int64           `json:"ttl_ms,omitempty"`     // milliseconds until it is forgotten
	Persist   bool            `json:"persist,omitempty"`    // never forget it
	IfVersion *uint64         `json:"if_version,omitempty"` // only if it has this version; conflict otherwise
}

// MemoryUpdateResponse is what the command table says of it; docs/commands.md describes it.
type MemoryUpdateResponse struct {
	ID         string             `json:"id"`                   //
	Changed    bool               `json:"changed"`              // whether anything was not so already
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// NamespaceCreateRequest is what the command table says of it; docs/commands.md describes it.
type NamespaceCreateRequest struct {
	Name   string            `json:"name"`             // the namespace: a-z 0-9 . _ -, beginning with a letter or digit
	Quotas map[string]*int64 `json:"quotas,omitempty"` // its own quotas, by name
}

// NamespaceCreateResponse is what the command table says of it; docs/commands.md describes it.
type NamespaceCreateResponse struct {
	Name       string             `json:"name"`                 //
	Number     uint32             `json:"number"`               // its number, which no other namespace ever has
	Quotas     map[string]int64   `json:"quotas"`               // the quotas of its own, by name; what is missing is the server's default
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// NamespaceDeleteRequest is what the command table says of it; docs/commands.md describes it.
type NamespaceDeleteRequest struct {
	Name    string `json:"name"`              // the namespace
	Confirm string `json:"confirm,omitempty"` // the namespace's name once more; absent asks what would go, and changes nothing
}

// NamespaceDeleteResponse is what the command table says of it; docs/commands.md describes it.
type NamespaceDeleteResponse struct {
	Name       string                  `json:"name"`                 //
	Done       bool                    `json:"done"`                 // false when it was only asked: nothing was changed
	Structures map[string]CommandUsage `json:"structures"`           // what it held, by structure; what held nothing is left out
	Confirm    string                  `json:"confirm,omitempty"`    // when it was only asked: what confirm has to be for it to be done
	Version    uint64                  `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability      `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// NamespaceListRequest is what the command table says of it; docs/commands.md describes it.
type NamespaceListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only names that begin so
	Limit  int    `json:"limit,omitempty"`  // at most so many
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
}

// NamespaceListResponse is what the command table says of it; docs/commands.md describes it.
type NamespaceListResponse struct {
	Items      []CoreNamespaceItem `json:"items"`                 //
	NextCursor string              `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// NamespaceStatsRequest is what the command table says of it; docs/commands.md describes it.
type NamespaceStatsRequest struct {
	Name string `json:"name,omitempty"` // the namespace; absent is your own
}

// NamespaceStatsResponse is what the command table says of it; docs/commands.md describes it.
type NamespaceStatsResponse struct {
	Name       string                  `json:"name"`       //
	Number     uint32                  `json:"number"`     // its number, which no other namespace ever has
	Bytes      int64                   `json:"bytes"`      // about how much memory its data takes
	Structures map[string]CommandUsage `json:"structures"` // what it holds, by structure; what holds nothing is left out
	Quotas     map[string]CoreQuotaUse `json:"quotas"`     // each quota: its limit and what is used of it
}

// NamespaceUpdateRequest is what the command table says of it; docs/commands.md describes it.
type NamespaceUpdateRequest struct {
	Name   string            `json:"name"`   // the namespace
	Quotas map[string]*int64 `json:"quotas"` // the quotas to change, by name
}

// PeerAddRequest is what the command table says of it; docs/commands.md describes it.
type PeerAddRequest struct {
	Name        string          `json:"name"`                  // what the peer is called here: a-z 0-9 . _ -
	URL         string          `json:"url"`                   // where it is: umicps://host:port or wss://host:port/umicp; without the s in this machine only, or without a credential
	Credential  string          `json:"credential,omitempty"`  // under which name this server finds the key to show there; absent shows none
	Certificate string          `json:"certificate,omitempty"` // under which name this server finds the certificate to show there, and its key; absent shows none
	Namespace   string          `json:"namespace,omitempty"`   // the namespace at the peer; absent is its key's own
	Rules       []PeerRuleInput `json:"rules,omitempty"`       // what flows
	Paused      bool            `json:"paused,omitempty"`      // make no link for now
	Configured  bool            `json:"configured,omitempty"`  // it stands in the server's configuration, which replaces and removes it
}

// PeerAddResponse is what the command table says of it; docs/commands.md describes it.
type PeerAddResponse struct {
	Name       string             `json:"name"`                 //
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PeerAdvanceRequest is what the command table says of it; docs/commands.md describes it.
type PeerAdvanceRequest struct {
	Node      string     `json:"node"`                // the node where it was read
	Room      string     `json:"room"`                // the room
	Partition int        `json:"partition,omitempty"` // its partition
	From      PeerSpot   `json:"from,omitzero"`       // how far it was read before
	To        PeerSpot   `json:"to,omitzero"`         // how far it is read now
	Origins   []PeerStep `json:"origins,omitempty"`   // the nodes at which what was taken in was made, and how far that brings them
}

// PeerAdvanceResponse is what the command table says of it; docs/commands.md describes it.
type PeerAdvanceResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PeerApplyRequest is what the command table says of it; docs/commands.md describes it.
type PeerApplyRequest struct {
	Node      string      `json:"node"`                // the node where it was read
	Room      string      `json:"room"`                // the room
	Partition int         `json:"partition,omitempty"` // its partition, there and here
	From      PeerSpot    `json:"from,omitzero"`       // how far it was read before
	To        PeerSpot    `json:"to,omitzero"`         // how far it is read now
	Events    []PeerEvent `json:"events,omitempty"`    // the events in between, in order
}

// PeerApplyResponse is what the command table says of it; docs/commands.md describes it.
type PeerApplyResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Results    []any              `json:"results"`              // what each command answered, in order
}

// PeerChangesRequest is what the command table says of it; docs/commands.md describes it.
type PeerChangesRequest struct {
	Collection string   `json:"collection"`      // the collection
	After      PeerSpot `json:"after,omitzero"`  // next of the answer before; absent is from the beginning
	Limit      int      `json:"limit,omitempty"` // how many changes are wanted at most; those of one record are not cut apart, so that a first one may have more
}

// PeerChangesResponse is what the command table says of it; docs/commands.md describes it.
type PeerChangesResponse struct {
	Changes []PeerChange `json:"changes"`        //
	Next    PeerSpot     `json:"next"`           // pass it as after; its generation is the version of the record that made the collection
	More    bool         `json:"more,omitempty"` // true when there are more right away
}

// PeerForgetRequest is what the command table says of it; docs/commands.md describes it.
type PeerForgetRequest struct {
	Node string `json:"node"` // the node
}

// PeerForgetResponse is what the command table says of it; docs/commands.md describes it.
type PeerForgetResponse struct {
	Places     int                `json:"places"`               // how many places were forgotten
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PeerHelloRequest is what the command table says of it; docs/commands.md describes it.
type PeerHelloRequest struct {
}

// PeerHelloResponse is what the command table says of it; docs/commands.md describes it.
type PeerHelloResponse struct {
	Node       string             `json:"node"`                 // the namespace's own name among nodes
	Packed     int                `json:"packed,omitempty"`     // the latest form of packed points that vector.get answers here and peer.settle takes, with noted; absent: neither is known
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PeerListRequest is what the command table says of it; docs/commands.md describes it.
type PeerListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only peers whose names begin so
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
	Limit  int    `json:"limit,omitempty"`  // at most so many
}

// PeerListResponse is what the command table says of it; docs/commands.md describes it.
type PeerListResponse struct {
	Items      []PeerLine `json:"items"`                 //
	NextCursor string     `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// PeerMergeRequest is what the command table says of it; docs/commands.md describes it.
type PeerMergeRequest struct {
	Node       string       `json:"node"`              // the node where the collection was read
	Collection string       `json:"collection"`        // the collection
	Born       uint64       `json:"born"`              // the version of the record that made it here
	From       PeerSpot     `json:"from,omitzero"`     // how far it was read before
	To         PeerSpot     `json:"to,omitzero"`       // how far it is read now
	Changes    []PeerChange `json:"changes,omitempty"` // the changes that are taken in
}

// PeerReachedRequest is what the command table says of it; docs/commands.md describes it.
type PeerReachedRequest struct {
	Node       string `json:"node"`                 // the node where it is read
	Room       string `json:"room,omitempty"`       // the room
	Partition  int    `json:"partition,omitempty"`  // its partition
	Collection string `json:"collection,omitempty"` // or the collection
}

// PeerReachedResponse is what the command table says of it; docs/commands.md describes it.
type PeerReachedResponse struct {
	Generation int64  `json:"generation,omitempty"` // of the room there; 0 is before the first
	Offset     uint64 `json:"offset,omitempty"`     // what to go on with
}

// PeerRemoveRequest is what the command table says of it; docs/commands.md describes it.
type PeerRemoveRequest struct {
	Name string `json:"name"` // the peer
}

// PeerRemoveResponse is what the command table says of it; docs/commands.md describes it.
type PeerRemoveResponse struct {
	Found      bool               `json:"found"`                // whether there was such a peer
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PeerSettleRequest is what the command table says of it; docs/commands.md describes it.
type PeerSettleRequest struct {
	Node       string         `json:"node"`              // the node where it was read
	Collection string         `json:"collection"`        // the collection
	Born       uint64         `json:"born"`              // the version of the record that made it here
	From       PeerSpot       `json:"from,omitzero"`     // how far it was read before
	To         PeerSpot       `json:"to,omitzero"`       // how far it is read now
	Changes    []PeerIncoming `json:"changes,omitempty"` // the changes in between
	Noted      bool           `json:"noted,omitempty"`   // true when the sender did not look: each point here has to be as it was noted last
}

// PeerStampRequest is what the command table says of it; docs/commands.md describes it.
type PeerStampRequest struct {
	Collection string     `json:"collection"`        // the collection
	Born       uint64     `json:"born,omitempty"`    // the version of the record that made it; absent: it was dropped, and what is known of it is forgotten
	Changes    []PeerMark `json:"changes,omitempty"` // the changes
}

// PeerStampResponse is what the command table says of it; docs/commands.md describes it.
type PeerStampResponse struct {
	Noted      int                `json:"noted"`                // how many of the changes were not known
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PeerUpdateRequest is what the command table says of it; docs/commands.md describes it.
type PeerUpdateRequest struct {
	Name        string           `json:"name"`                  // the peer
	URL         string           `json:"url,omitempty"`         // where it is now
	Credential  *string          `json:"credential,omitempty"`  // the name of another credential; the empty text shows no key
	Certificate *string          `json:"certificate,omitempty"` // the name of another certificate; the empty text shows none
	Namespace   *string          `json:"namespace,omitempty"`   // another namespace at the peer; the empty text is its key's own
	Rules       *[]PeerRuleInput `json:"rules,omitempty"`       // what flows, in place of all rules there are
	Paused      *bool            `json:"paused,omitempty"`      // true ends the link for now, false makes it again
}

// PersistenceBackupRequest is what the command table says of it; docs/commands.md describes it.
type PersistenceBackupRequest struct {
	From   journal.Position `json:"from,omitzero"`     // go on after this position or version; absent, or 0, means from now on
	Limit  int              `json:"limit,omitempty"`   // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS int64            `json:"wait_ms,omitempty"` // answered at once: how long to wait for the first event, in milliseconds
}

// PersistenceBackupEvent is what the command table says of it; docs/commands.md describes it.
type PersistenceBackupEvent struct {
	Event    string           `json:"event"`             // begin, part or end
	Position journal.Position `json:"position,omitzero"` // of begin and end: everything up to here is in the backup
	Bytes    int64            `json:"bytes,omitempty"`   // of begin: about how many bytes will come; of end: how many came
	File     string           `json:"file,omitempty"`    // of part: the file's name, relative to the data directory
	Offset   int64            `json:"offset,omitempty"`  // of part: where in the file the piece belongs; pieces come in order, and so do files
	Data     value.Value      `json:"data,omitzero"`     // of part: the piece, at most 256 KiB
	SHA256   string           `json:"sha256,omitempty"`  // of end: the SHA-256 of all pieces, one after the other, in hexadecimal digits
}

// PersistenceSnapshotRequest is what the command table says of it; docs/commands.md describes it.
type PersistenceSnapshotRequest struct {
}

// PersistenceSnapshotResponse is what the command table says of it; docs/commands.md describes it.
type PersistenceSnapshotResponse struct {
	File     string           `json:"file"`      // its name in the data directory's folder snapshots
	Position journal.Position `json:"position"`  // everything up to here is in it
	Bytes    int64            `json:"bytes"`     // its size on disk
	RawBytes int64            `json:"raw_bytes"` // its size before compression
	Seconds  float64          `json:"seconds"`   // how long it took
}

// PersistenceStatusRequest is what the command table says of it; docs/commands.md describes it.
type PersistenceStatusRequest struct {
}

// PersistenceStatusResponse is what the command table says of it; docs/commands.md describes it.
type PersistenceStatusResponse struct {
	Mode          string    `json:"fsync_mode"`           // when writes are forced to disk: none, periodic or always
	LogBytes      int64     `json:"log_bytes"`            // the size of the log on disk
	First         uint64    `json:"first"`                // the oldest version that the log has
	Last          uint64    `json:"last"`                 // the newest version there is
	Synced        uint64    `json:"synced"`               // the newest version that is on disk for sure
	Snapshots     int       `json:"snapshots"`            // how many snapshots are kept
	SnapshotFirst uint64    `json:"snapshot_version"`     // the version at which the newest snapshot began; 0 when there is none
	SnapshotAt    time.Time `json:"snapshot_at,omitzero"` // when the newest snapshot was taken, if there is one
	Trouble       string    `json:"trouble,omitempty"`    // why no changes are taken; absent while all is well
}

// PubsubAcceptRequest is what the command table says of it; docs/commands.md describes it.
type PubsubAcceptRequest struct {
	Here     string           `json:"here"`     // what this namespace is called among nodes, as peer.hello says
	From     string           `json:"from"`     // the node where the messages were heard
	Messages []PubsubIncoming `json:"messages"` // the messages, in their order
}

// PubsubAcceptResponse is what the command table says of it; docs/commands.md describes it.
type PubsubAcceptResponse struct {
	Taken      int                `json:"taken"`                // how many were new
	Passed     int                `json:"passed,omitempty"`     // how many were here already or not wanted any more
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PubsubCarryRequest is what the command table says of it; docs/commands.md describes it.
type PubsubCarryRequest struct {
	Patterns     []string `json:"patterns,omitempty"`     // topics and patterns whose messages are carried from now on, after those that they retain
	Except       string   `json:"except,omitempty"`       // with patterns: the node that the messages are carried to; what it told this one is left out
	Subscription string   `json:"subscription,omitempty"` // the subscription of an earlier answer, to go on without a gap
	Answer       uint64   `json:"answer,omitempty"`       // with subscription: answer of the last answer that arrived; what was in a later one is sent again
	WaitMS       int64    `json:"wait_ms,omitempty"`      // how long to wait for the first message, in milliseconds
	Limit        int      `json:"limit,omitempty"`        // answer with at most so many messages
	MaxBytes     int      `json:"max_bytes,omitempty"`    // and at most so many bytes, but at least one message
	Close        bool     `json:"close,omitempty"`        // end the subscription
}

// PubsubCarryResponse is what the command table says of it; docs/commands.md describes it.
type PubsubCarryResponse struct {
	Subscription string           `json:"subscription,omitempty"` // pass it to the next call, within five minutes; absent when it was closed
	Messages     []*PubsubMessage `json:"messages"`               // the messages, oldest first; empty when none came in time
	Dropped      uint64           `json:"dropped,omitempty"`      // how many messages were lost before these because nobody came for them
	Origins      []PubsubOrigin   `json:"origins"`                // where the messages come from, in their order
	Answer       uint64           `json:"answer,omitempty"`       // which answer it is, of those that hold messages: pass it to the next call
	Waiting      int              `json:"waiting,omitempty"`      // how many messages are left for the next call
}

// PubsubForgetRequest is what the command table says of it; docs/commands.md describes it.
type PubsubForgetRequest struct {
	Topic string `json:"topic"` // the topic
}

// PubsubForgetResponse is what the command table says of it; docs/commands.md describes it.
type PubsubForgetResponse struct {
	Found      bool               `json:"found"`                // whether the topic retained a message
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PubsubListenRequest is what the command table says of it; docs/commands.md describes it.
type PubsubListenRequest struct {
	Patterns     []string `json:"patterns,omitempty"`     // topics and patterns to listen to from now on: * is exactly one level, # at the end any number of levels
	Subscription string   `json:"subscription,omitempty"` // the subscription of an earlier answer, to go on listening without a gap
	WaitMS       int64    `json:"wait_ms,omitempty"`      // how long to wait for the first message, in milliseconds
	Wait         int64    `json:"wait,omitempty"`         // how long to wait for the first message, in seconds
	Limit        int      `json:"limit,omitempty"`        // answer with at most so many messages
	MaxBytes     int      `json:"max_bytes,omitempty"`    // and at most so many bytes, but at least one message
	Close        bool     `json:"close,omitempty"`        // end the subscription
}

// PubsubListenResponse is what the command table says of it; docs/commands.md describes it.
type PubsubListenResponse struct {
	Subscription string           `json:"subscription,omitempty"` // pass it to the next call, within five minutes; absent when it was closed
	Messages     []*PubsubMessage `json:"messages"`               // the messages, oldest first; empty when none came in time
	Dropped      uint64           `json:"dropped,omitempty"`      // how many messages were lost before these because nobody came for them
}

// PubsubPublishRequest is what the command table says of it; docs/commands.md describes it.
type PubsubPublishRequest struct {
	Topic    string            `json:"topic,omitempty"`    // where the message goes: levels separated by dots, such as orders.eu.created
	Message  value.Value       `json:"message,omitzero"`   // the message: text, JSON or bytes
	Headers  map[string]string `json:"headers,omitempty"`  // short facts about the message, at most 64 of them
	ReplyTo  string            `json:"reply_to,omitempty"` // the topic that answers go to
	Retain   bool              `json:"retain,omitempty"`   // keep the message for subscribers that come later, in place of the one kept before
	Messages []PubsubOutgoing  `json:"messages,omitempty"` // several messages, instead of the fields above
}

// PubsubPublishResponse is what the command table says of it; docs/commands.md describes it.
type PubsubPublishResponse struct {
	Subscribers int                `json:"subscribers"`          // how many subscribers the messages went to, in all; 0 means that nobody listens
	Version     uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability  journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// PubsubRequestRequest is what the command table says of it; docs/commands.md describes it.
type PubsubRequestRequest struct {
	Topic     string            `json:"topic"`                // where the message goes
	Message   value.Value       `json:"message"`              // the message: text, JSON or bytes
	Headers   map[string]string `json:"headers,omitempty"`    // short facts about the message
	TimeoutMS int64             `json:"timeout_ms,omitempty"` // how long to wait for the answer, in milliseconds
}

// PubsubRequestResponse is what the command table says of it; docs/commands.md describes it.
type PubsubRequestResponse struct {
	Message   value.Value       `json:"message"`              // the answer
	Headers   map[string]string `json:"headers,omitempty"`    //
	RepliedBy string            `json:"replied_by,omitempty"` // who answered
}

// PubsubStatsRequest is what the command table says of it; docs/commands.md describes it.
type PubsubStatsRequest struct {
}

// PubsubStatsResponse is what the command table says of it; docs/commands.md describes it.
type PubsubStatsResponse struct {
	Subscriptions int    `json:"subscriptions"`  // how many subscriptions are open
	Handles       int    `json:"handles"`        // how many of them belong to callers who poll
	Retained      int    `json:"retained"`       // how many topics keep a message for newcomers
	RetainedBytes int64  `json:"retained_bytes"` // about how much memory these take
	Published     uint64 `json:"published"`      // messages published since the server started
	Delivered     uint64 `json:"delivered"`      // messages put into mailboxes since the server started
}

// PubsubSubscribeRequest is what the command table says of it; docs/commands.md describes it.
type PubsubSubscribeRequest struct {
	Patterns []string         `json:"patterns"`           // topics and patterns: * is exactly one level, # at the end any number of levels
	Queue    string           `json:"queue,omitempty"`    // share the messages with all subscribers that give the same name: each goes to one of them
	Buffer   int              `json:"buffer,omitempty"`   // how many messages may wait for a slow subscriber
	Overflow string           `json:"overflow,omitempty"` // when the buffer is full: lose the oldest message and be told, or end the subscription
	From     journal.Position `json:"from,omitzero"`      // go on after this position or version; absent, or 0, means from now on
	Limit    int              `json:"limit,omitempty"`    // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS   int64            `json:"wait_ms,omitempty"`  // answered at once: how long to wait for the first event, in milliseconds
}

// PubsubSubscribeEvent is what the command table says of it; docs/commands.md describes it.
type PubsubSubscribeEvent struct {
	Event       string            `json:"event"`                  // message; or dropped: messages were lost because the subscriber was slow
	Topic       string            `json:"topic,omitempty"`        //
	Message     value.Value       `json:"message,omitzero"`       //
	Headers     map[string]string `json:"headers,omitempty"`      //
	ReplyTo     string            `json:"reply_to,omitempty"`     // publish the answer to this topic
	PublishedAt int64             `json:"published_at,omitempty"` // when it was published, in Unix milliseconds
	PublishedBy string            `json:"published_by,omitempty"` // who published it
	Retained    bool              `json:"retained,omitempty"`     // true for the message that its topic keeps for newcomers
	Dropped     uint64            `json:"dropped,omitempty"`      // how many messages were lost before the next one
}

// PubsubTopicsRequest is what the command table says of it; docs/commands.md describes it.
type PubsubTopicsRequest struct {
	Prefix string `json:"prefix,omitempty"` // only what begins so
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
	Limit  int    `json:"limit,omitempty"`  // at most so many
}

// PubsubTopicsResponse is what the command table says of it; docs/commands.md describes it.
type PubsubTopicsResponse struct {
	Items      []PubsubTopicLine `json:"items"`                 //
	NextCursor string            `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// QueueAckRequest is what the command table says of it; docs/commands.md describes it.
type QueueAckRequest struct {
	Receipts []string `json:"receipts"`          // receipts of queue.receive, of any queues
	Action   string   `json:"action,omitempty"`  // done: finished, forget it; retry: hand it out again; reject: make it a dead letter; extend: keep it longer
	Seconds  *int64   `json:"seconds,omitempty"` // of a retry: after so long, by the queue's backoff when absent; of an extend: how long from now, the queue's lease when absent
	MS       *int64   `json:"ms,omitempty"`      // the same in milliseconds
	Reason   string   `json:"reason,omitempty"`  // of a retry or reject: why; it is kept with the message
}

// QueueAckResponse is what the command table says of it; docs/commands.md describes it.
type QueueAckResponse struct {
	Results    []QueueAckResult   `json:"results"`              // one for each receipt, in order
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueueCheckRequest is what the command table says of it; docs/commands.md describes it.
type QueueCheckRequest struct {
	Queue    string   `json:"queue"`               // the queue
	Exists   *bool    `json:"exists,omitempty"`    // whether the queue exists
	MinDepth *int     `json:"min_depth,omitempty"` // at least so many messages are ready, leased or delayed
	MaxDepth *int     `json:"max_depth,omitempty"` // at most so many messages are
	Receipts []string `json:"receipts,omitempty"`  // these receipts of queue.receive are still good: none of their leases has ended
}

// QueueCheckResponse is what the command table says of it; docs/commands.md describes it.
type QueueCheckResponse struct {
	Exists bool `json:"exists"` // whether the queue exists
	Depth  int  `json:"depth"`  // how many messages are ready, leased or delayed
}

// QueueCreateRequest is what the command table says of it; docs/commands.md describes it.
type QueueCreateRequest struct {
	Queue           string  `json:"queue"`                       // the queue
	MaxDepth        *int64  `json:"max_depth,omitempty"`         // how many messages the queue holds, without dead letters; 1000000 unless set
	MaxBytes        *int64  `json:"max_bytes,omitempty"`         // how many bytes they take; 1 GiB unless set
	Overflow        string  `json:"overflow,omitempty"`          // what a publish into the full queue does: reject it, or drop the oldest messages of the lowest priority; reject unless set
	LeaseMS         *int64  `json:"lease_ms,omitempty"`          // how long a received message stays with its receiver, in milliseconds; 30000 unless set
	MaxAttempts     *int64  `json:"max_attempts,omitempty"`      // after so many deliveries a message that is not done becomes a dead letter; 0 is never; 5 unless set
	Backoff         string  `json:"backoff,omitempty"`           // how the delay of a retry grows; fixed unless set
	BackoffMS       *int64  `json:"backoff_ms,omitempty"`        // the delay of the first retry, in milliseconds; 0 unless set
	BackoffMaxMS    *int64  `json:"backoff_max_ms,omitempty"`    // the longest delay of a retry, in milliseconds; an hour unless set
	JitterPercent   *int64  `json:"jitter_percent,omitempty"`    // how much of a retry's delay is random, so that retries spread out; 0 unless set
	RetentionMS     *int64  `json:"retention_ms,omitempty"`      // how long a message published from now on is kept, and then again as a dead letter, in milliseconds; 0, for ever, unless set
	DedupeMS        *int64  `json:"dedupe_ms,omitempty"`         // how long a dedupe_id is remembered, in milliseconds; 600000 unless set
	Prefetch        *int64  `json:"prefetch,omitempty"`          // how many messages one consumer may hold under leases at once; 0, any number, unless set
	MaxDead         *int64  `json:"max_dead,omitempty"`          // how many dead letters are kept, the oldest goes first; 100000 unless set
	DeadLetterQueue *string `json:"dead_letter_queue,omitempty"` // the queue that dead letters go to, made when it is needed; empty keeps them in this one
}

// QueueCreateResponse is what the command table says of it; docs/commands.md describes it.
type QueueCreateResponse struct {
	Created    bool               `json:"created"`              // true when the queue is new
	Settings   QueueSettings      `json:"settings"`             //
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueueDeleteRequest is what the command table says of it; docs/commands.md describes it.
type QueueDeleteRequest struct {
	Queue   string `json:"queue"`              // the queue
	IfEmpty bool   `json:"if_empty,omitempty"` // only if it holds nothing, not even dead letters; conflict otherwise
}

// QueueDeleteResponse is what the command table says of it; docs/commands.md describes it.
type QueueDeleteResponse struct {
	Messages   int                `json:"messages"`             // how many messages it held, dead letters included
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueueListRequest is what the command table says of it; docs/commands.md describes it.
type QueueListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only queues whose names begin so
	Limit  int    `json:"limit,omitempty"`  // how many queues a page has at most
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
}

// QueueListResponse is what the command table says of it; docs/commands.md describes it.
type QueueListResponse struct {
	Items      []QueueListItem `json:"items"`                 //
	NextCursor string          `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// QueuePauseRequest is what the command table says of it; docs/commands.md describes it.
type QueuePauseRequest struct {
	Queue string `json:"queue"` // the queue
}

// QueuePauseResponse is what the command table says of it; docs/commands.md describes it.
type QueuePauseResponse struct {
	Paused     bool               `json:"paused"`               // whether the queue hands out nothing now
	Changed    bool               `json:"changed"`              // false when it was so before
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueuePeekRequest is what the command table says of it; docs/commands.md describes it.
type QueuePeekRequest struct {
	Queue    string `json:"queue"`               // the queue
	State    string `json:"state,omitempty"`     // look at the messages in this state
	Limit    int    `json:"limit,omitempty"`     // how many messages a page has at most
	MaxBytes int    `json:"max_bytes,omitempty"` // end the page early when its messages come to about so many bytes
	Full     bool   `json:"full,omitempty"`      // show whole messages and their headers, not previews
	Cursor   string `json:"cursor,omitempty"`    // next_cursor of the page before, with everything else the same
}

// QueuePeekResponse is what the command table says of it; docs/commands.md describes it.
type QueuePeekResponse struct {
	Messages   []QueueSeen `json:"messages"`              // ready ones in the order they are handed out, others in the order they were published
	Counts     QueueCounts `json:"counts"`                //
	NextCursor string      `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// QueuePublishRequest is what the command table says of it; docs/commands.md describes it.
type QueuePublishRequest struct {
	Queue    string            `json:"queue"`               // the queue; the first message makes it
	Message  value.Value       `json:"message,omitzero"`    // the message: text, JSON or bytes
	Priority *int              `json:"priority,omitempty"`  // 9 is handed out first and 0 last; 5 when absent
	Delay    int64             `json:"delay,omitempty"`     // hand it out only after so many seconds
	DelayMS  int64             `json:"delay_ms,omitempty"`  // the same in milliseconds
	TTL      int64             `json:"ttl,omitempty"`       // drop it when nobody has received it after so many seconds; 0 is never
	TTLMS    int64             `json:"ttl_ms,omitempty"`    // the same in milliseconds
	Headers  map[string]string `json:"headers,omitempty"`   // short facts about the message, at most 64 of them
	DedupeID string            `json:"dedupe_id,omitempty"` // publishing the same dedupe_id again within the queue's window does nothing, so that a retry is safe
	Group    string            `json:"group,omitempty"`     // messages of one group are worked on one after the other, in the order they were published
	Messages []QueueOutgoing   `json:"messages,omitempty"`  // several messages, instead of the fields of one; all are published or none
}

// QueuePublishResponse is what the command table says of it; docs/commands.md describes it.
type QueuePublishResponse struct {
	MessageID  string             `json:"message_id,omitempty"` // the message's number in its queue
	Duplicate  bool               `json:"duplicate,omitempty"`  // true when the dedupe_id was known: nothing was published, and message_id is the first one's
	Messages   []QueuePublished   `json:"messages,omitempty"`   // of several messages, what became of each, in order
	Depth      int                `json:"depth"`                // how many messages the queue holds now: ready, delayed and leased
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueuePurgeRequest is what the command table says of it; docs/commands.md describes it.
type QueuePurgeRequest struct {
	Queue string `json:"queue"`           // the queue
	State string `json:"state,omitempty"` // drop the messages in this state
}

// QueuePurgeResponse is what the command table says of it; docs/commands.md describes it.
type QueuePurgeResponse struct {
	Purged     int                `json:"purged"`               // how many messages were dropped
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueueReceiveRequest is what the command table says of it; docs/commands.md describes it.
type QueueReceiveRequest struct {
	Queue    string `json:"queue"`               // the queue; one that does not exist is empty, and can be waited for
	Max      int    `json:"max,omitempty"`       // take at most so many messages
	MaxBytes int    `json:"max_bytes,omitempty"` // and at most so many bytes, but at least one message
	Wait     int64  `json:"wait,omitempty"`      // how long to wait for the first message, in seconds
	WaitMS   int64  `json:"wait_ms,omitempty"`   // the same in milliseconds
	Lease    int64  `json:"lease,omitempty"`     // how long the messages are yours, in seconds; the queue's setting when absent
	LeaseMS  int64  `json:"lease_ms,omitempty"`  // the same in milliseconds
	Consumer string `json:"consumer,omitempty"`  // who receives, for the queue's prefetch limit; your principal when absent
}

// QueueReceiveResponse is what the command table says of it; docs/commands.md describes it.
type QueueReceiveResponse struct {
	Messages   []QueueDelivered   `json:"messages"`             // the messages, in the order to work on them; empty when nothing came in time
	Ready      int                `json:"ready"`                // how many more are ready
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueueRedriveRequest is what the command table says of it; docs/commands.md describes it.
type QueueRedriveRequest struct {
	Queue      string   `json:"queue"`                 // the queue that the dead letters are in: its own, and those that came from other queues and wait in it
	To         string   `json:"to,omitempty"`          // the queue they go to; back to where they died when absent
	MessageIDs []string `json:"message_ids,omitempty"` // only these; all when absent
	Limit      int      `json:"limit,omitempty"`       // at most so many, the oldest first
}

// QueueRedriveResponse is what the command table says of it; docs/commands.md describes it.
type QueueRedriveResponse struct {
	Redriven   int                `json:"redriven"`             // how many messages may be received again
	Left       int                `json:"left"`                 // how many dead letters are left, because of limit or because the queue they go to is full
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// QueueStatsResponse is what the command table says of it; docs/commands.md describes it.
type QueueStatsResponse struct {
	Ready         int           `json:"ready"`           // may be received, or wait for their group
	Leased        int           `json:"leased"`          // with a receiver
	Delayed       int           `json:"delayed"`         // not to be handed out yet
	Dead          int           `json:"dead"`            // dead letters
	Depth         int           `json:"depth"`           // ready, leased and delayed
	Bytes         int64         `json:"bytes"`           // about how much memory these take
	DeadBytes     int64         `json:"dead_bytes"`      // about how much memory the dead letters take
	OldestReadyMS int64         `json:"oldest_ready_ms"` // how long ago the message that is next in line was published, in milliseconds
	Consumers     int           `json:"consumers"`       // how many consumers hold messages
	Waiting       int           `json:"waiting"`         // how many receivers wait for a message
	Groups        int           `json:"groups"`          // how many groups have messages
	Paused        bool          `json:"paused"`          //
	CreatedAt     int64         `json:"created_at"`      // in Unix milliseconds
	Totals        QueueTotals   `json:"totals"`          // what happened since the queue was made
	Settings      QueueSettings `json:"settings"`        //
}

// QueueWatchRequest is what the command table says of it; docs/commands.md describes it.
type QueueWatchRequest struct {
	From     journal.Position `json:"from,omitzero"`      // go on after this position or version; absent, or 0, means from now on
	Limit    int              `json:"limit,omitempty"`    // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS   int64            `json:"wait_ms,omitempty"`  // answered at once: how long to wait for the first event, in milliseconds
	Queues   []string         `json:"queues,omitempty"`   // follow these queues, which need not exist yet
	Prefixes []string         `json:"prefixes,omitempty"` // follow the queues whose names begin with one of these
	Events   []string         `json:"events,omitempty"`   // only these events: filled (something is ready, and nothing was), drained (nothing is ready any more), dead (dead letters), deleted; absent is all
}

// QueueWatchEvent is what the command table says of it; docs/commands.md describes it.
type QueueWatchEvent struct {
	Event      string   `json:"event"`                 // filled (something is ready, and nothing was), drained (nothing is ready any more), dead (dead letters) or deleted
	Queue      string   `json:"queue"`                 //
	MessageIDs []string `json:"message_ids,omitempty"` // of dead: which messages died
	Cause      string   `json:"cause,omitempty"`       // of dead: rejected, or max_attempts
	Reason     string   `json:"reason,omitempty"`      // of dead: what the receiver said
	Version    uint64   `json:"version"`               // the version of this change
}

// ServerBrowseRequest is what the command table says of it; docs/commands.md describes it.
type ServerBrowseRequest struct {
	Kind   string `json:"kind"`             // what to list: agents, collections, keys, memories, namespaces, queues, streams or topics
	Prefix string `json:"prefix,omitempty"` // only names that begin so
	Limit  int    `json:"limit,omitempty"`  // at most so many
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
}

// ServerBrowseResponse is what the command table says of it; docs/commands.md describes it.
type ServerBrowseResponse struct {
	Items      []CoreThing `json:"items"`                 //
	NextCursor string      `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// ServerClearRequest is what the command table says of it; docs/commands.md describes it.
type ServerClearRequest struct {
	Target  string `json:"target"`            // the address of the thing, as browsing shows it: synap://queue/jobs
	Mode    string `json:"mode"`              // empty it, drop it with all it holds, or send its dead letters back to work
	Confirm string `json:"confirm,omitempty"` // the code of the preview; absent asks for a preview, and changes nothing
}

// ServerClearResponse is what the command table says of it; docs/commands.md describes it.
type ServerClearResponse struct {
	Target  string            `json:"target"`            //
	Done    bool              `json:"done"`              // false for a preview: nothing was changed
	Counts  map[string]string `json:"counts"`            // of a preview: what is in it now; when done: what was affected
	Confirm string            `json:"confirm,omitempty"` // of a preview: call again with this code within two minutes to do it
}

// ServerClientsRequest is what the command table says of it; docs/commands.md describes it.
type ServerClientsRequest struct {
	Limit int    `json:"limit,omitempty"` // how many connections a page has at most
	After uint64 `json:"after,omitempty"` // next of the page before
}

// ServerClientsResponse is what the command table says of it; docs/commands.md describes it.
type ServerClientsResponse struct {
	Total   int           `json:"total"`          // how many connections are open
	Clients []ClientsInfo `json:"clients"`        //
	Next    uint64        `json:"next,omitempty"` // pass it as after for the next page; absent on the last one
}

// ServerDisconnectRequest is what the command table says of it; docs/commands.md describes it.
type ServerDisconnectRequest struct {
	ID      uint64 `json:"id,omitempty"`      // the connection of this number
	Caller  string `json:"caller,omitempty"`  // all connections on which this caller called last
	Address string `json:"address,omitempty"` // all connections from this address, with a port or without
}

// ServerDisconnectResponse is what the command table says of it; docs/commands.md describes it.
type ServerDisconnectResponse struct {
	Disconnected int `json:"disconnected"` //
}

// ServerExecuteRequest is what the command table says of it; docs/commands.md describes it.
type ServerExecuteRequest struct {
	Command string      `json:"command"`           // the command's name, such as kv.rename
	Payload value.Value `json:"payload,omitzero"`  // the command's request
	DryRun  bool        `json:"dry_run,omitempty"` // check the call and do not run it
}

// ServerExecuteResponse is what the command table says of it; docs/commands.md describes it.
type ServerExecuteResponse struct {
	Command string `json:"command"`           //
	DryRun  bool   `json:"dry_run,omitempty"` // true when the call was only checked, and found right
	Result  any    `json:"result,omitempty"`  // the command's response
}

// ServerHelpRequest is what the command table says of it; docs/commands.md describes it.
type ServerHelpRequest struct {
	Name string `json:"name,omitempty"` // a command, a tool, or a structure; absent lists everything
}

// ServerHelpResponse is what the command table says of it; docs/commands.md describes it.
type ServerHelpResponse struct {
	Commands []CoreLine        `json:"commands,omitempty"` // the commands, one line each
	Command  *CommandReference `json:"command,omitempty"`  // all about the command that was asked for
}

// ServerHotkeysRequest is what the command table says of it; docs/commands.md describes it.
type ServerHotkeysRequest struct {
	Limit int `json:"limit,omitempty"` // how many names at most
}

// ServerHotkeysResponse is what the command table says of it; docs/commands.md describes it.
type ServerHotkeysResponse struct {
	Looking bool         `json:"looking"` // false when this server does not look for hot names: the setting hotkeys is off
	Seconds float64      `json:"seconds"` // over how long they were counted
	Keys    []CoreHotKey `json:"keys"`    //
}

// ServerInfoRequest is what the command table says of it; docs/commands.md describes it.
type ServerInfoRequest struct {
}

// ServerInfoResponse is what the command table says of it; docs/commands.md describes it.
type ServerInfoResponse struct {
	Version     string         `json:"version"`     // the program's version
	Go          string         `json:"go"`          // what it was built with
	Platform    string         `json:"platform"`    // operating system and processor
	Started     time.Time      `json:"started_at"`  //
	UptimeS     int64          `json:"uptime_s"`    //
	CPUs        int            `json:"cpus"`        // how many processors it uses at most
	Goroutines  int            `json:"goroutines"`  //
	Memory      CoreMemoryInfo `json:"memory"`      //
	Calls       uint64         `json:"calls"`       // commands run since the start, failed ones included
	Failed      uint64         `json:"failed"`      // of those, how many failed
	Namespaces  int            `json:"namespaces"`  //
	Connections int            `json:"connections"` // open now
	Refused     uint64         `json:"refused"`     // connections for which there was no room, since the start
	Doors       map[string]int `json:"doors"`       // open connections by the door that they came through
}

// ServerQueryRequest is what the command table says of it; docs/commands.md describes it.
type ServerQueryRequest struct {
	Command string      `json:"command"`          // the command's name, such as kv.count
	Payload value.Value `json:"payload,omitzero"` // the command's request
}

// ServerSlowlogRequest is what the command table says of it; docs/commands.md describes it.
type ServerSlowlogRequest struct {
	Limit int `json:"limit,omitempty"` // how many calls at most
}

// ServerSlowlogResponse is what the command table says of it; docs/commands.md describes it.
type ServerSlowlogResponse struct {
	ThresholdMS float64        `json:"threshold_ms"` // from how many milliseconds on a call is kept; 0 means that none is
	Total       uint64         `json:"total"`        // how many calls were kept since the start, in all namespaces
	Calls       []CoreSlowCall `json:"calls"`        //
}

// ServerStatusRequest is what the command table says of it; docs/commands.md describes it.
type ServerStatusRequest struct {
}

// ServerStatusResponse is what the command table says of it; docs/commands.md describes it.
type ServerStatusResponse struct {
	Principal  string                  `json:"principal"`        // who the server takes you for
	Namespace  string                  `json:"namespace"`        // where your commands work
	Access     string                  `json:"access"`           // the most you may do anywhere: none, read, write or admin; auth.whoami says where
	ReadOnly   bool                    `json:"read_only"`        // true when you may only read
	Version    string                  `json:"version"`          // the program's version
	UptimeS    int64                   `json:"uptime_s"`         // seconds since the server started
	Durability journal.Durability      `json:"durability"`       // how safe every write is at least
	Position   journal.Position        `json:"position"`         // where the journal stands; a watch can start from it
	Namespaces int                     `json:"namespaces"`       // how many namespaces there are
	Structures map[string]CommandUsage `json:"structures"`       // what each structure holds in your namespace
	HeapBytes  uint64                  `json:"heap_bytes"`       // the process's heap in use
	Quotas     map[string]CoreQuotaUse `json:"quotas,omitempty"` // what is limited in your namespace, and how much of it is used
	Memory     *CoreQuotaUse           `json:"memory,omitempty"` // how much memory the whole server may use, and uses; absent without a limit
}

// ServerWatchRequest is what the command table says of it; docs/commands.md describes it.
type ServerWatchRequest struct {
	Made   []string         `json:"made,omitempty"`    // hear only that things of these kinds come to be, and at once: streams, collections
	From   journal.Position `json:"from,omitzero"`     // go on after this position or version; absent, or 0, means from now on
	Limit  int              `json:"limit,omitempty"`   // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS int64            `json:"wait_ms,omitempty"` // answered at once: how long to wait for the first event, in milliseconds
}

// ServerWatchEvent is what the command table says of it; docs/commands.md describes it.
type ServerWatchEvent struct {
	Position journal.Position `json:"position"` // where the journal stood when it was noticed
}

// SimilarityCosineRequest is what the command table says of it; docs/commands.md describes it.
type SimilarityCosineRequest struct {
	A     []float32   `json:"a,omitempty"`     // a vector
	B     []float32   `json:"b,omitempty"`     // another, equally long
	ARows [][]float32 `json:"a_rows,omitzero"` // instead of a: several vectors
	BRows [][]float32 `json:"b_rows,omitzero"` // with a_rows: several others; every one of a_rows is compared with every one of b_rows
}

// StreamAppendRequest is what the command table says of it; docs/commands.md describes it.
type StreamAppendRequest struct {
	Room           string            `json:"room"`                      // the room; it is made on first use
	Event          string            `json:"event,omitempty"`           // its type, such as task.done
	Data           value.Value       `json:"data,omitzero"`             // what happened: text, JSON or bytes
	Headers        map[string]string `json:"headers,omitempty"`         // short facts about it, at most 64 of them
	Key            string            `json:"key,omitempty"`             // what it is about: events with the same key keep their order, in the same partition
	DedupeID       string            `json:"dedupe_id,omitempty"`       // an id of your own: a second event with it, within the room's window, is not appended and answered as the first was
	Events         []StreamNewEvent  `json:"events,omitempty"`          // several events, instead of the fields of one; all are appended or none
	Partition      *int              `json:"partition,omitempty"`       // append to this partition, whatever the key says
	ExpectedOffset *uint64           `json:"expected_offset,omitempty"` // append only if the event, or the first of several, gets just this offset; else conflict
}

// StreamAppendResponse is what the command table says of it; docs/commands.md describes it.
type StreamAppendResponse struct {
	Room       string             `json:"room"`                 //
	Offset     uint64             `json:"offset"`               // the event's offset, of several the first's
	Partition  int                `json:"partition,omitempty"`  // the partition that it is in; absent is 0
	NextOffset uint64             `json:"next_offset"`          // the offset that the partition's next event gets: what expected_offset is compared with
	Generation int64              `json:"generation"`           // of the room: another one means that it was deleted and made anew
	Duplicate  bool               `json:"duplicate,omitempty"`  // true when the dedupe_id was known: the event was appended before
	Events     []StreamAppended   `json:"events,omitempty"`     // of several, where each of them is
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamCheckRequest is what the command table says of it; docs/commands.md describes it.
type StreamCheckRequest struct {
	Room          string  `json:"room"`                      // the room
	Partition     *int    `json:"partition,omitempty"`       // which partition the offsets are of; needed when there are several
	Exists        *bool   `json:"exists,omitempty"`          // whether the room exists
	Generation    *int64  `json:"generation,omitempty"`      // the room has this generation, 0 for a room that does not exist: another one means that it was deleted and made anew
	NextOffset    *uint64 `json:"next_offset,omitempty"`     // the next event gets just this offset: nobody has appended since
	MinNextOffset *uint64 `json:"min_next_offset,omitempty"` // the next event gets at least this offset
	MaxNextOffset *uint64 `json:"max_next_offset,omitempty"` // the next event gets at most this offset
}

// StreamCheckResponse is what the command table says of it; docs/commands.md describes it.
type StreamCheckResponse struct {
	Exists     bool   `json:"exists"`      // whether the room exists
	Generation int64  `json:"generation"`  // of the room; 0 when it does not exist
	NextOffset uint64 `json:"next_offset"` // the offset that the partition's next event gets
}

// StreamCreateRequest is what the command table says of it; docs/commands.md describes it.
type StreamCreateRequest struct {
	Room           string `json:"room"`                        // the room's name
	Partitions     int    `json:"partitions,omitempty"`        // how many partitions it has, for good: events are in order within a partition only
	IfAbsent       bool   `json:"if_absent,omitempty"`         // leave a room that exists as it is, instead of an error
	MaxEvents      *int64 `json:"max_events,omitempty"`        // keep at most so many events of each partition; 0 is no bound, absent in a new room 10000
	MaxBytes       *int64 `json:"max_bytes,omitempty"`         // keep at most about so many bytes of memory of each partition; 0 is no bound, absent in a new room 16 MiB
	MaxAgeMS       *int64 `json:"max_age_ms,omitempty"`        // keep events so many milliseconds; 0 is no bound, as is absent in a new room
	KeepUnread     *int64 `json:"keep_unread_bytes,omitempty"` // whatever the bounds above say, keep what the slowest group has not committed while the partition holds at most so many bytes; 0 heeds no group
	DedupeWindowMS *int64 `json:"dedupe_window_ms,omitempty"`  // remember dedupe ids so many milliseconds; 0 remembers none, absent in a new room two minutes
}

// StreamCreateResponse is what the command table says of it; docs/commands.md describes it.
type StreamCreateResponse struct {
	Created    bool               `json:"created"`              // false when the room existed and was left as it is
	Generation int64              `json:"generation"`           // of the room: another one means that it was deleted and made anew
	Partitions int                `json:"partitions"`           //
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamDeleteRequest is what the command table says of it; docs/commands.md describes it.
type StreamDeleteRequest struct {
	Room string `json:"room"` // the room
}

// StreamDeleteResponse is what the command table says of it; docs/commands.md describes it.
type StreamDeleteResponse struct {
	Found      bool               `json:"found"`                // whether the room existed
	Events     int64              `json:"events"`               // how many events it held
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupCommitRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupCommitRequest struct {
	Room       string                  `json:"room"`       // the room
	Group      string                  `json:"group"`      // the group
	Member     string                  `json:"member"`     // the member, as stream.group.join answered it
	Generation int64                   `json:"generation"` // the generation of the fetch; if it is over, the answer is conflict and nothing is committed
	Offsets    []StreamPartitionOffset `json:"offsets"`    // for each partition the offset to read next: the next_offset of what was fetched. A lower one than before goes back
}

// StreamGroupCommitResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupCommitResponse struct {
	Committed  []StreamPartitionOffset `json:"committed"`            // where the group stands now in these partitions
	Version    uint64                  `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability      `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupCreateRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupCreateRequest struct {
	Room       string `json:"room"`                 // the room
	Group      string `json:"group"`                // the group
	Assignment string `json:"assignment,omitempty"` // how partitions are given out: neighbours together, dealt in turn, or as they were wherever possible
	SessionMS  int64  `json:"session_ms,omitempty"` // a member that is silent for so many milliseconds loses its partitions to the others
	Start      string `json:"start,omitempty"`      // begin with the earliest event there is, or with what comes after the latest
	IfAbsent   bool   `json:"if_absent,omitempty"`  // leave a group that exists as it is, instead of an error
}

// StreamGroupCreateResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupCreateResponse struct {
	Created    bool               `json:"created"`              // false when the group existed and was left as it is
	Generation int64              `json:"generation"`           // of the group: it changes whenever the partitions are given out anew
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupDeleteRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupDeleteRequest struct {
	Room  string `json:"room"`  // the room
	Group string `json:"group"` // the group
}

// StreamGroupDeleteResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupDeleteResponse struct {
	Found      bool               `json:"found"`                // whether the group existed
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupFetchRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupFetchRequest struct {
	Room       string `json:"room"`                 // the room
	Group      string `json:"group"`                // the group
	Member     string `json:"member"`               // the member, as stream.group.join answered it
	Generation int64  `json:"generation,omitempty"` // the generation that the member knows: if it is over, the answer is conflict
	Event      string `json:"event,omitempty"`      // only events of this type; a * at the end stands for anything: task.*
	Limit      int    `json:"limit,omitempty"`      // answer with at most so many events, shared out evenly over the partitions
	MaxBytes   int64  `json:"max_bytes,omitempty"`  // answer with at most about so many bytes; one event of each partition is always answered, if the limit allows
	WaitMS     int64  `json:"wait_ms,omitempty"`    // how long to wait for the first event, in milliseconds; the member stays alive meanwhile
	Wait       int64  `json:"wait,omitempty"`       // how long to wait for the first event, in seconds
}

// StreamGroupFetchResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupFetchResponse struct {
	Generation int64              `json:"generation"`           // of the group: pass it to commit
	Assigned   []int              `json:"assigned"`             // the partitions that are the member's now
	Batches    []StreamBatch      `json:"batches"`              // the events, partition by partition; empty when there are none, or none came in time
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupHeartbeatRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupHeartbeatRequest struct {
	Room       string `json:"room"`                 // the room
	Group      string `json:"group"`                // the group
	Member     string `json:"member"`               // the member, as stream.group.join answered it
	Generation int64  `json:"generation,omitempty"` // the generation that the member knows, to be told whether it is over
}

// StreamGroupHeartbeatResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupHeartbeatResponse struct {
	Member     string                  `json:"member"`               //
	Generation int64                   `json:"generation"`           // of the group: commits of another one are refused
	Partitions []StreamPartitionOffset `json:"partitions"`           // the partitions that are the member's, with the offset to read next; none when there are more members than partitions
	Deadline   int64                   `json:"deadline"`             // call again before then, in Unix milliseconds: heartbeat, fetch or commit
	Rebalanced bool                    `json:"rebalanced,omitempty"` // true when the generation that was given is over
	Version    uint64                  `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability      `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupJoinRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupJoinRequest struct {
	Room   string `json:"room"`             // the room
	Group  string `json:"group"`            // the group
	Member string `json:"member,omitempty"` // a name of your own, under which you come back after a restart without a rebalance; absent lets the server choose one
}

// StreamGroupLeaveRequest is what the command table says of it; docs/commands.md describes it.
type StreamGroupLeaveRequest struct {
	Room   string `json:"room"`   // the room
	Group  string `json:"group"`  // the group
	Member string `json:"member"` // the member, as stream.group.join answered it
}

// StreamGroupLeaveResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupLeaveResponse struct {
	Found      bool               `json:"found"`                // false when it was no member any more
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamGroupListResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupListResponse struct {
	Groups []StreamGroupLine `json:"groups"` //
}

// StreamGroupStatsResponse is what the command table says of it; docs/commands.md describes it.
type StreamGroupStatsResponse struct {
	Group      string                `json:"group"`      //
	Assignment string                `json:"assignment"` //
	Generation int64                 `json:"generation"` // it changes whenever the partitions are given out anew
	SessionMS  int64                 `json:"session_ms"` // how long a member may be silent
	Lag        uint64                `json:"lag"`        // how many events, in all partitions, it has yet to commit
	Members    []StreamMemberLine    `json:"members"`    // by name
	Partitions []StreamGroupProgress `json:"partitions"` //
}

// StreamListRequest is what the command table says of it; docs/commands.md describes it.
type StreamListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only rooms whose name begins so
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
	Limit  int    `json:"limit,omitempty"`  // at most so many
}

// StreamListResponse is what the command table says of it; docs/commands.md describes it.
type StreamListResponse struct {
	Items      []StreamRoomLine `json:"items"`                 //
	NextCursor string           `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// StreamReadRequest is what the command table says of it; docs/commands.md describes it.
type StreamReadRequest struct {
	Room       string  `json:"room"`                  // the room
	Partition  *int    `json:"partition,omitempty"`   // which partition; needed when there are several
	FromOffset *uint64 `json:"from_offset,omitempty"` // begin with this offset: next_offset of the answer before goes on where that ended
	FromTime   *int64  `json:"from_time,omitempty"`   // begin with the first event that is not older than this time, in Unix milliseconds
	Start      string  `json:"start,omitempty"`       // begin with the earliest event there is, or with what comes after the latest
	Generation int64   `json:"generation,omitempty"`  // the generation that the offset belongs to; with another one the answer is conflict
	Event      string  `json:"event,omitempty"`       // only events of this type; a * at the end stands for anything: task.*
	Limit      int     `json:"limit,omitempty"`       // answer with at most so many events
	MaxBytes   int64   `json:"max_bytes,omitempty"`   // answer with at most about so many bytes; one event is always answered
	ValueBytes int     `json:"value_bytes,omitempty"` // cut longer data to so many bytes and say in truncated how long it is; 0 cuts nothing
	WaitMS     int64   `json:"wait_ms,omitempty"`     // how long to wait for the first event, in milliseconds
	Wait       int64   `json:"wait,omitempty"`        // how long to wait for the first event, in seconds
}

// StreamReadResponse is what the command table says of it; docs/commands.md describes it.
type StreamReadResponse struct {
	Events       []*StreamEvent `json:"events"`               // oldest first; empty when there are none, or none came in time
	NextOffset   uint64         `json:"next_offset"`          // pass it as from_offset to go on; after an empty answer too
	OldestOffset uint64         `json:"oldest_offset"`        // the first offset that the room still holds
	Lost         uint64         `json:"lost,omitempty"`       // how many events between the offset that was asked for and the first one held are gone
	More         bool           `json:"more,omitempty"`       // true when there is more to read right away
	Generation   int64          `json:"generation,omitempty"` // of the room: another one means that it was deleted and made anew; absent while there is no such room
}

// StreamStatsResponse is what the command table says of it; docs/commands.md describes it.
type StreamStatsResponse struct {
	Room           string                `json:"room"`              //
	Generation     int64                 `json:"generation"`        // another one means that the room was deleted and made anew
	Events         int64                 `json:"events"`            // how many events it holds
	Bytes          int64                 `json:"bytes"`             // about how much memory they take
	MaxEvents      int64                 `json:"max_events"`        // of each partition; 0 is no bound
	MaxBytes       int64                 `json:"max_bytes"`         // of each partition; 0 is no bound
	MaxAgeMS       int64                 `json:"max_age_ms"`        // 0 is no bound
	KeepUnread     int64                 `json:"keep_unread_bytes"` // 0 heeds no group
	DedupeWindowMS int64                 `json:"dedupe_window_ms"`  // 0 remembers no dedupe ids
	Partitions     []StreamPartitionLine `json:"partitions"`        //
	Groups         []string              `json:"groups,omitempty"`  // the names of its consumer groups
}

// StreamTrimRequest is what the command table says of it; docs/commands.md describes it.
type StreamTrimRequest struct {
	Room         string  `json:"room"`                    // the room
	Partition    *int    `json:"partition,omitempty"`     // only this partition; absent is all of them
	BeforeOffset *uint64 `json:"before_offset,omitempty"` // drop the events before this offset
	BeforeTime   *int64  `json:"before_time,omitempty"`   // drop the events older than this time, in Unix milliseconds
	Keep         *uint64 `json:"keep,omitempty"`          // keep the newest so many of each partition and drop the others; 0 empties
}

// StreamTrimResponse is what the command table says of it; docs/commands.md describes it.
type StreamTrimResponse struct {
	Trimmed    uint64             `json:"trimmed"`              // how many events were dropped; offsets go on as before
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamUpdateRequest is what the command table says of it; docs/commands.md describes it.
type StreamUpdateRequest struct {
	Room           string `json:"room"`                        // the room
	MaxEvents      *int64 `json:"max_events,omitempty"`        // keep at most so many events of each partition; 0 is no bound, absent in a new room 10000
	MaxBytes       *int64 `json:"max_bytes,omitempty"`         // keep at most about so many bytes of memory of each partition; 0 is no bound, absent in a new room 16 MiB
	MaxAgeMS       *int64 `json:"max_age_ms,omitempty"`        // keep events so many milliseconds; 0 is no bound, as is absent in a new room
	KeepUnread     *int64 `json:"keep_unread_bytes,omitempty"` // whatever the bounds above say, keep what the slowest group has not committed while the partition holds at most so many bytes; 0 heeds no group
	DedupeWindowMS *int64 `json:"dedupe_window_ms,omitempty"`  // remember dedupe ids so many milliseconds; 0 remembers none, absent in a new room two minutes
}

// StreamUpdateResponse is what the command table says of it; docs/commands.md describes it.
type StreamUpdateResponse struct {
	Trimmed    int64              `json:"trimmed"`              // how many events were dropped to meet the new bounds
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
}

// StreamWatchRequest is what the command table says of it; docs/commands.md describes it.
type StreamWatchRequest struct {
	Room       string           `json:"room"`                  // the room; it need not exist yet
	Partition  *int             `json:"partition,omitempty"`   // which partition; needed when there are several
	FromOffset *uint64          `json:"from_offset,omitempty"` // begin with this offset: next_offset of the answer before goes on where that ended
	FromTime   *int64           `json:"from_time,omitempty"`   // begin with the first event that is not older than this time, in Unix milliseconds
	Start      string           `json:"start,omitempty"`       // begin with the earliest event there is, or with what comes after the latest
	Event      string           `json:"event,omitempty"`       // only events of this type; a * at the end stands for anything: task.*
	From       journal.Position `json:"from,omitzero"`         // go on after this position or version; absent, or 0, means from now on
	Limit      int              `json:"limit,omitempty"`       // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS     int64            `json:"wait_ms,omitempty"`     // answered at once: how long to wait for the first event, in milliseconds
}

// StreamWatchEvent is what the command table says of it; docs/commands.md describes it.
type StreamWatchEvent struct {
	Kind       string            `json:"kind"`                // event; or lost: events are gone that were not delivered; or reset: the room was deleted or made anew, and what follows is of the new one
	Lost       uint64            `json:"lost,omitempty"`      // how many events are gone
	Generation int64             `json:"generation"`          // of the room
	Partition  int               `json:"partition,omitempty"` //
	Offset     uint64            `json:"offset"`              // the event's; of lost and reset, the first that can follow
	Event      string            `json:"event,omitempty"`     // its type
	Data       value.Value       `json:"data,omitzero"`       //
	Headers    map[string]string `json:"headers,omitempty"`   //
	Key        string            `json:"key,omitempty"`       //
	At         int64             `json:"at,omitempty"`        // when it was appended, in Unix milliseconds
	By         string            `json:"by,omitempty"`        // who appended it
}

// TransactionDiscardRequest is what the command table says of it; docs/commands.md describes it.
type TransactionDiscardRequest struct {
	ClientID string `json:"client_id"` // whose transaction it is: any name; a caller has one transaction at a time under each
}

// TransactionDiscardResponse is what the command table says of it; docs/commands.md describes it.
type TransactionDiscardResponse struct {
	Found     bool `json:"found"`     // false when there was nothing to forget
	Discarded int  `json:"discarded"` // how many commands had been queued
}

// TransactionMultiRequest is what the command table says of it; docs/commands.md describes it.
type TransactionMultiRequest struct {
	ClientID  string `json:"client_id"`            // whose transaction it is: any name; a caller has one transaction at a time under each
	TimeoutMS int64  `json:"timeout_ms,omitempty"` // it is forgotten when nothing was asked of it for so many milliseconds
}

// TransactionMultiResponse is what the command table says of it; docs/commands.md describes it.
type TransactionMultiResponse struct {
	Watching  int   `json:"watching"`   // how many things are watched
	Queued    int   `json:"queued"`     // how many commands wait to be executed
	ExpiresAt int64 `json:"expires_at"` // when it is forgotten if nothing more is asked of it, in Unix milliseconds
}

// TransactionQueueRequest is what the command table says of it; docs/commands.md describes it.
type TransactionQueueRequest struct {
	ClientID string      `json:"client_id"`        // whose transaction it is: any name; a caller has one transaction at a time under each
	Command  string      `json:"command"`          // the command's name, such as kv.set
	Payload  value.Value `json:"payload,omitzero"` // the command's request
}

// TransactionWatchRequest is what the command table says of it; docs/commands.md describes it.
type TransactionWatchRequest struct {
	ClientID string        `json:"client_id"` // whose transaction it is: any name; a caller has one transaction at a time under each
	Things   []value.Value `json:"things"`    // what must not change: each names a key or a room, as a condition does
}

// TXNExecRequest is what the command table says of it; docs/commands.md describes it.
type TXNExecRequest struct {
	If []value.Value `json:"if,omitempty"` // what has to be so, or nothing happens: each names a key, a queue or a room and what is expected of it
	Do []CoreStep    `json:"do"`           // the commands, in order
}

// VectorAddRequest is what the command table says of it; docs/commands.md describes it.
type VectorAddRequest struct {
	A []float32 `json:"a"` // a vector
	B []float32 `json:"b"` // another, equally long
}

// VectorAddResponse is what the command table says of it; docs/commands.md describes it.
type VectorAddResponse struct {
	Result []float32 `json:"result"` //
}

// VectorCheckRequest is what the command table says of it; docs/commands.md describes it.
type VectorCheckRequest struct {
	Collection string          `json:"collection"`        // the collection
	Point      json.RawMessage `json:"point"`             // the point's id
	Version    *uint64         `json:"version,omitempty"` // the version that it has; 0 means that there is none
	Exists     *bool           `json:"exists,omitempty"`  // whether it exists
}

// VectorCheckResponse is what the command table says of it; docs/commands.md describes it.
type VectorCheckResponse struct {
	Exists  bool   `json:"exists"`  // whether the point exists
	Version uint64 `json:"version"` // the version that it has; 0 when it does not exist
}

// VectorCollectionClearRequest is what the command table says of it; docs/commands.md describes it.
type VectorCollectionClearRequest struct {
	Collection string `json:"collection"` // the collection
}

// VectorCollectionClearResponse is what the command table says of it; docs/commands.md describes it.
type VectorCollectionClearResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Points     int                `json:"points"`               // how many points the collection has, or had
}

// VectorCollectionCreateRequest is what the command table says of it; docs/commands.md describes it.
type VectorCollectionCreateRequest struct {
	Collection   string                 `json:"collection"`                // the name: 1 to 128 of a-z A-Z 0-9 . _ : -
	Dimension    int                    `json:"dimension,omitempty"`       // how many numbers a vector has; of bits at most 131072, of others 16384
	Metric       string                 `json:"metric,omitempty"`          // how near vectors are: cosine (the default), dot, euclidean, or hamming for bits
	Element      string                 `json:"element,omitempty"`         // what a number is kept as: float32 (the default), float16 in half the memory, int8 in a quarter, or bit
	Index        string                 `json:"index,omitempty"`           // flat measures every vector, hnsw walks a graph; auto (the default) makes the graph above 10000 vectors
	Quantization string                 `json:"quantization,omitempty"`    // walk over a smaller copy of the vectors, and measure what it finds again with the whole ones; absent is none
	M            int                    `json:"m,omitempty"`               // of the graph: links of a vector; 16 when absent
	EfBuild      int                    `json:"ef_construction,omitempty"` // of the graph: how widely is looked for a new vector's neighbours; 128 when absent
	Vectors      map[string]VectorShape `json:"vectors,omitempty"`         // several vectors of a point, by name, instead of dimension and the fields after it
	Indexes      []VectorIndexRequest   `json:"indexes,omitempty"`         // payload fields to index, so that filters on them are fast; filters work without, too
	TextFields   []string               `json:"text_fields,omitempty"`     // payload fields whose words vector.hybrid finds, besides each point's text
	Language     string                 `json:"language,omitempty"`        // whose word endings are taken off: english when absent, none for nobody's
	IfNotExists  bool                   `json:"if_not_exists,omitempty"`   // if there is one of that name and its vectors are alike, leave it as it is
}

// VectorCollectionCreateResponse is what the command table says of it; docs/commands.md describes it.
type VectorCollectionCreateResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Created    bool               `json:"created"`              // false when there was one, with if_not_exists
}

// VectorCollectionListRequest is what the command table says of it; docs/commands.md describes it.
type VectorCollectionListRequest struct {
	Prefix string `json:"prefix,omitempty"` // only collections whose names begin so
	Limit  int    `json:"limit,omitempty"`  // how many collections a page has at most
	Cursor string `json:"cursor,omitempty"` // next_cursor of the page before
}

// VectorCollectionListResponse is what the command table says of it; docs/commands.md describes it.
type VectorCollectionListResponse struct {
	Items      []VectorListItem `json:"items"`                 //
	NextCursor string           `json:"next_cursor,omitempty"` // pass it as cursor for the next page; absent on the last one
}

// VectorCollectionStatsResponse is what the command table says of it; docs/commands.md describes it.
type VectorCollectionStatsResponse struct {
	Points     int                    `json:"points"`                // how many points it has
	Pending    int                    `json:"pending"`               // vectors that wait to be put into a graph, and are searched exactly until then
	Bytes      int64                  `json:"bytes"`                 // about how much memory it takes
	Memory     VectorMemory           `json:"memory"`                //
	Vector     *VectorShape           `json:"vector,omitempty"`      // its default vector
	Vectors    map[string]VectorShape `json:"vectors,omitempty"`     // its other vectors, by name
	Indexes    []VectorIndexRequest   `json:"indexes,omitempty"`     // payload fields to index, so that filters on them are fast; filters work without, too
	TextFields []string               `json:"text_fields,omitempty"` // payload fields whose words vector.hybrid finds, besides each point's text
	Language   string                 `json:"language,omitempty"`    //
	CreatedAt  int64                  `json:"created_at"`            // in Unix milliseconds
	Version    uint64                 `json:"version"`               // of the record that made it
}

// VectorCollectionUpdateRequest is what the command table says of it; docs/commands.md describes it.
type VectorCollectionUpdateRequest struct {
	Collection string                 `json:"collection"`            // the collection
	Indexes    *[]VectorIndexRequest  `json:"indexes,omitempty"`     // all payload fields that are to be indexed; others no longer are
	TextFields *[]string              `json:"text_fields,omitempty"` // all payload fields whose words are to be found; those of others no longer are
	Index      string                 `json:"index,omitempty"`       // of the default vector: how it is searched
	Vectors    map[string]VectorIndex `json:"vectors,omitempty"`     // the same of other vectors, by name
}

// VectorCountRequest is what the command table says of it; docs/commands.md describes it.
type VectorCountRequest struct {
	Collection string           `json:"collection"`       // the collection
	Filter     *json.RawMessage `json:"filter,omitempty"` // only the points that it means
}

// VectorCountResponse is what the command table says of it; docs/commands.md describes it.
type VectorCountResponse struct {
	Count int `json:"count"` //
}

// VectorDeleteRequest is what the command table says of it; docs/commands.md describes it.
type VectorDeleteRequest struct {
	Collection string            `json:"collection"`           // the collection
	ID         json.RawMessage   `json:"id,omitzero"`          // a point
	IDs        []json.RawMessage `json:"ids,omitempty"`        // or several
	Filter     *json.RawMessage  `json:"filter,omitempty"`     // or those that it means, at most 10000 at a time
	IfVersion  *uint64           `json:"if_version,omitempty"` // of a single id: only if the point has this version
}

// VectorDeleteResponse is what the command table says of it; docs/commands.md describes it.
type VectorDeleteResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Deleted    int                `json:"deleted"`              // how many points there were, and are no more
	Missing    []json.RawMessage  `json:"missing,omitempty"`    // the ids that no point had
	More       bool               `json:"more,omitempty"`       // of a filter: it means further points; call again
}

// VectorDotResponse is what the command table says of it; docs/commands.md describes it.
type VectorDotResponse struct {
	Result float64 `json:"result"` //
}

// VectorGetRequest is what the command table says of it; docs/commands.md describes it.
type VectorGetRequest struct {
	Collection  string            `json:"collection"`             // the collection
	ID          json.RawMessage   `json:"id,omitzero"`            // a point
	IDs         []json.RawMessage `json:"ids,omitempty"`          // or several
	Packed      bool              `json:"packed,omitempty"`       // answer payload, text and vectors as bytes that vector.upsert takes, instead of each by itself
	WithPayload *bool             `json:"with_payload,omitempty"` // whether payload and text are answered; true when absent
	Fields      []string          `json:"fields,omitempty"`       // only these fields of the payload, with dots into objects
	WithVectors bool              `json:"with_vectors,omitempty"` // whether vectors are answered, as they are kept
}

// VectorGetResponse is what the command table says of it; docs/commands.md describes it.
type VectorGetResponse struct {
	Points  []VectorGot       `json:"points"`            // in the order in which they were asked for
	Missing []json.RawMessage `json:"missing,omitempty"` // the ids that no point has
}

// VectorHybridRequest is what the command table says of it; docs/commands.md describes it.
type VectorHybridRequest struct {
	Collection  string           `json:"collection"`             // the collection
	Text        string           `json:"text,omitempty"`         // words to look for in texts
	Vector      []float32        `json:"vector,omitempty"`       // a vector to look near to
	Weights     *VectorWeights   `json:"weights,omitempty"`      // how much each ranking counts; the same when absent
	Using       string           `json:"using,omitempty"`        // the name of the vectors to compare with; absent is the default one
	Filter      *json.RawMessage `json:"filter,omitempty"`       // only the points that it means
	Limit       int              `json:"limit,omitempty"`        // how many points are wanted; 10 when absent
	Offset      int              `json:"offset,omitempty"`       // pass over so many of the nearest
	MinScore    *float32         `json:"min_score,omitempty"`    // only points with this score or a better one: at least it under cosine and dot, at most it under euclidean and hamming
	Exact       bool             `json:"exact,omitempty"`        // measure every vector instead of walking the graph
	Rescore     *bool            `json:"rescore,omitempty"`      // false: what a walk of the graph found, which reads a part of each vector, is not measured again: quicker and less exact; true when absent
	Ef          int              `json:"ef,omitempty"`           // how widely the graph is searched: more finds more of the nearest, and takes longer; 64 when absent, and never less than limit and offset
	WithPayload *bool            `json:"with_payload,omitempty"` // whether payload and text are answered; true when absent
	Fields      []string         `json:"fields,omitempty"`       // only these fields of the payload, with dots into objects
	WithVectors bool             `json:"with_vectors,omitempty"` // whether vectors are answered, as they are kept
}

// VectorHybridResponse is what the command table says of it; docs/commands.md describes it.
type VectorHybridResponse struct {
	Hits []VectorHybridHit `json:"hits"` // the best points, the best first
}

// VectorNormRequest is what the command table says of it; docs/commands.md describes it.
type VectorNormRequest struct {
	A []float32 `json:"a"` // the vector
}

// VectorRecommendRequest is what the command table says of it; docs/commands.md describes it.
type VectorRecommendRequest struct {
	Collection      string            `json:"collection"`                 // the collection
	Positive        []json.RawMessage `json:"positive,omitempty"`         // points to look for the like of
	Negative        []json.RawMessage `json:"negative,omitempty"`         // points to look for the unlike of
	PositiveVectors [][]float32       `json:"positive_vectors,omitempty"` // vectors to look for the like of
	NegativeVectors [][]float32       `json:"negative_vectors,omitempty"` // vectors to look for the unlike of
	Using           string            `json:"using,omitempty"`            // the name of the vectors to compare with; absent is the default one
	Filter          *json.RawMessage  `json:"filter,omitempty"`           // only the points that it means
	Limit           int               `json:"limit,omitempty"`            // how many points are wanted; 10 when absent
	Offset          int               `json:"offset,omitempty"`           // pass over so many of the nearest
	MinScore        *float32          `json:"min_score,omitempty"`        // only points with this score or a better one: at least it under cosine and dot, at most it under euclidean and hamming
	Exact           bool              `json:"exact,omitempty"`            // measure every vector instead of walking the graph
	Rescore         *bool             `json:"rescore,omitempty"`          // false: what a walk of the graph found, which reads a part of each vector, is not measured again: quicker and less exact; true when absent
	Ef              int               `json:"ef,omitempty"`               // how widely the graph is searched: more finds more of the nearest, and takes longer; 64 when absent, and never less than limit and offset
	WithPayload     *bool             `json:"with_payload,omitempty"`     // whether payload and text are answered; true when absent
	Fields          []string          `json:"fields,omitempty"`           // only these fields of the payload, with dots into objects
	WithVectors     bool              `json:"with_vectors,omitempty"`     // whether vectors are answered, as they are kept
}

// VectorRecommendResponse is what the command table says of it; docs/commands.md describes it.
type VectorRecommendResponse struct {
	Hits []VectorHit `json:"hits"` // the nearest points, the nearest first; none of those given
}

// VectorScaleRequest is what the command table says of it; docs/commands.md describes it.
type VectorScaleRequest struct {
	A  []float32 `json:"a"`  // the vector
	By *float64  `json:"by"` // the number
}

// VectorScrollRequest is what the command table says of it; docs/commands.md describes it.
type VectorScrollRequest struct {
	Collection  string           `json:"collection"`             // the collection
	Filter      *json.RawMessage `json:"filter,omitempty"`       // only the points that it means
	Limit       int              `json:"limit,omitempty"`        // how many points a page has at most
	Cursor      json.RawMessage  `json:"cursor,omitzero"`        // next_cursor of the page before
	WithPayload *bool            `json:"with_payload,omitempty"` // whether payload and text are answered; true when absent
	Fields      []string         `json:"fields,omitempty"`       // only these fields of the payload, with dots into objects
	WithVectors bool             `json:"with_vectors,omitempty"` // whether vectors are answered, as they are kept
}

// VectorScrollResponse is what the command table says of it; docs/commands.md describes it.
type VectorScrollResponse struct {
	Points     []VectorPoint   `json:"points"`               // by id: integers before texts
	NextCursor json.RawMessage `json:"next_cursor,omitzero"` // pass it as cursor for the next page; absent on the last one. A page of a filter may be short, even empty, and have a next page
}

// VectorSearchRequest is what the command table says of it; docs/commands.md describes it.
type VectorSearchRequest struct {
	Collection    string           `json:"collection"`                // the collection
	Vector        []float32        `json:"vector,omitempty"`          // look for what is near to this
	ID            json.RawMessage  `json:"id,omitzero"`               // or near to this point, which is not among the answer
	Using         string           `json:"using,omitempty"`           // the name of the vectors to compare with; absent is the default one
	Filter        *json.RawMessage `json:"filter,omitempty"`          // only the points that it means
	Limit         int              `json:"limit,omitempty"`           // how many points are wanted; 10 when absent
	Offset        int              `json:"offset,omitempty"`          // pass over so many of the nearest
	MinScore      *float32         `json:"min_score,omitempty"`       // only points with this score or a better one: at least it under cosine and dot, at most it under euclidean and hamming
	Exact         bool             `json:"exact,omitempty"`           // measure every vector instead of walking the graph
	Rescore       *bool            `json:"rescore,omitempty"`         // false: what a walk of the graph found, which reads a part of each vector, is not measured again: quicker and less exact; true when absent
	Ef            int              `json:"ef,omitempty"`              // how widely the graph is searched: more finds more of the nearest, and takes longer; 64 when absent, and never less than limit and offset
	Queries       []VectorQuery    `json:"queries,omitempty"`         // several searches, instead of the fields above
	WithPayload   *bool            `json:"with_payload,omitempty"`    // whether payload and text are answered; true when absent
	Fields        []string         `json:"fields,omitempty"`          // only these fields of the payload, with dots into objects
	WithVectors   bool             `json:"with_vectors,omitempty"`    // whether vectors are answered, as they are kept
	Peers         []string         `json:"peers,omitempty"`           // search the collections of this name at these peers, too, and make one ranking of it; * alone is every peer
	PeerTimeoutMS int64            `json:"peer_timeout_ms,omitempty"` // how long to wait for peers, in milliseconds; 2000 when absent. The answer is partial without those that have not answered by then
}

// VectorSearchResponse is what the command table says of it; docs/commands.md describes it.
type VectorSearchResponse struct {
	Hits    []VectorHit        `json:"hits,omitempty"`    // the nearest points, the nearest first
	Results []VectorResults    `json:"results,omitempty"` // with queries: the hits of each, in their order
	Peers   []VectorPeerAnswer `json:"peers,omitempty"`   // of a search of peers: what came of asking each
	Partial bool               `json:"partial,omitempty"` // true when not all of them answered: nearer points may be missing
}

// VectorSetPayloadRequest is what the command table says of it; docs/commands.md describes it.
type VectorSetPayloadRequest struct {
	Collection string            `json:"collection"`           // the collection
	ID         json.RawMessage   `json:"id,omitzero"`          // a point
	IDs        []json.RawMessage `json:"ids,omitempty"`        // or several
	Payload    json.RawMessage   `json:"payload"`              // fields to set; one that is null is taken away
	Replace    bool              `json:"replace,omitempty"`    // this is all that the payload has then: fields that are not given are taken away, too
	IfVersion  *uint64           `json:"if_version,omitempty"` // of a single id: only if the point has this version
}

// VectorSetPayloadResponse is what the command table says of it; docs/commands.md describes it.
type VectorSetPayloadResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Updated    int                `json:"updated"`              // how many points have another payload now
	Missing    []json.RawMessage  `json:"missing,omitempty"`    // the ids that no point has
}

// VectorUpsertRequest is what the command table says of it; docs/commands.md describes it.
type VectorUpsertRequest struct {
	Collection string               `json:"collection"`           // the collection
	ID         json.RawMessage      `json:"id,omitzero"`          // a text, or an integer; a text of digits is the integer
	Vector     []float32            `json:"vector,omitempty"`     // the default vector
	Vectors    map[string][]float32 `json:"vectors,omitempty"`    // the others, by name
	Payload    json.RawMessage      `json:"payload,omitempty"`    // a JSON object to filter by and to get back
	Text       string               `json:"text,omitempty"`       // what vector.hybrid finds by its words
	Packed     value.Value          `json:"packed,omitzero"`      // vectors, payload and text in one, as vector.get answers them with packed
	TTL        int64                `json:"ttl,omitempty"`        // seconds until the point expires
	TTLMS      int64                `json:"ttl_ms,omitempty"`     // milliseconds until the point expires
	ExpiresAt  int64                `json:"expires_at,omitempty"` // when the point expires, in Unix milliseconds
	IfVersion  *uint64              `json:"if_version,omitempty"` // only if the point has this version; 0 means that there must be none
	Points     []VectorPointInput   `json:"points,omitempty"`     // several points, instead of the fields above
	IDs        []json.RawMessage    `json:"ids,omitempty"`        // several points that have nothing but a default vector each: their ids, and in rows their vectors
	Rows       [][]float32          `json:"rows,omitzero"`        // with ids: the default vector of each
}

// VectorUpsertResponse is what the command table says of it; docs/commands.md describes it.
type VectorUpsertResponse struct {
	Version    uint64             `json:"version,omitempty"`    // the version that this write gave to all it changed; absent when nothing changed
	Durability journal.Durability `json:"durability,omitempty"` // how safe the write is: memory, buffered, fsynced or replicated
	Created    int                `json:"created"`              // how many of the points did not exist before
	Replaced   int                `json:"replaced"`             // how many did
}

// VectorWatchRequest is what the command table says of it; docs/commands.md describes it.
type VectorWatchRequest struct {
	From        journal.Position `json:"from,omitzero"`         // go on after this position or version; absent, or 0, means from now on
	Limit       int              `json:"limit,omitempty"`       // end after so many events; answered at once: at most so many, 100 when absent
	WaitMS      int64            `json:"wait_ms,omitempty"`     // answered at once: how long to wait for the first event, in milliseconds
	Collections []string         `json:"collections,omitempty"` // follow these collections, which need not exist yet
	Prefixes    []string         `json:"prefixes,omitempty"`    // follow the collections whose names begin with one of these
	Events      []string         `json:"events,omitempty"`      // only these events: upsert, delete, expire, configured (the collection was made or changed), dropped; absent is all
}

// VectorWatchEvent is what the command table says of it; docs/commands.md describes it.
type VectorWatchEvent struct {
	Event      string            `json:"event"`                // upsert, delete, expire (its time was over), configured or dropped
	Collection string            `json:"collection"`           //
	IDs        []json.RawMessage `json:"ids,omitempty"`        // the points
	Payload    json.RawMessage   `json:"payload,omitempty"`    // of an upsert
	Text       string            `json:"text,omitempty"`       // of an upsert
	ExpiresAt  int64             `json:"expires_at,omitempty"` // of an upsert: when the point expires, in Unix milliseconds; absent when it does not
	Version    uint64            `json:"version"`              // the version of this change
}

// AgentMessage is what the command table says of it; docs/commands.md describes it.
type AgentMessage struct {
	MessageID string      `json:"message_id"`          //
	From      string      `json:"from"`                // who sent it
	Message   value.Value `json:"message"`             //
	Thread    string      `json:"thread,omitempty"`    //
	ReplyTo   string      `json:"reply_to,omitempty"`  // the message_id that it answers
	SentAt    int64       `json:"sent_at"`             // in Unix milliseconds
	Broadcast bool        `json:"broadcast,omitempty"` // true when it went to everybody
}

// AgentLine is what the command table says of it; docs/commands.md describes it.
type AgentLine struct {
	Name   string `json:"name"`              //
	Unread int    `json:"unread"`            // how many messages wait for it
	SeenAt int64  `json:"seen_at,omitempty"` // when it was last here, to the minute, in Unix milliseconds; absent when it never was
}

// DirectoryKeySecret is what the command table says of it; docs/commands.md describes it.
type DirectoryKeySecret struct {
	CreatedAt int64 `json:"created_at"`           // in Unix milliseconds
	ExpiresAt int64 `json:"expires_at,omitempty"` // in Unix milliseconds; absent is with the key
}

// DirectoryKey is what the command table says of it; docs/commands.md describes it.
type DirectoryKey struct {
	ID           string               `json:"id"`                       // the second part of its secret, which is no secret itself
	Name         string               `json:"name"`                     // what it is called
	Roles        []string             `json:"roles,omitempty"`          //
	Permissions  []string             `json:"permissions,omitempty"`    // what it may do besides what its roles allow
	Home         string               `json:"home"`                     // the namespace that it belongs to
	Namespaces   []string             `json:"namespaces,omitempty"`     // further namespaces that it may select; * is every one
	Networks     []string             `json:"networks,omitempty"`       // where it may be used from; absent is everywhere
	RequestsPerS int64                `json:"requests_per_s,omitempty"` // how many requests a second it may make; absent is as many as every key
	Burst        int64                `json:"burst,omitempty"`          // how many of them at once; absent is as many as in a second
	Profile      string               `json:"profile,omitempty"`        // the only profile of MCP tools that it is for; absent is any
	CreatedAt    int64                `json:"created_at"`               // in Unix milliseconds
	CreatedBy    string               `json:"created_by"`               //
	ExpiresAt    int64                `json:"expires_at,omitempty"`     // in Unix milliseconds; absent is never
	LastUsedAt   int64                `json:"last_used_at,omitempty"`   // in Unix milliseconds, to the second; absent is never
	Expired      bool                 `json:"expired,omitempty"`        // true when it cannot be used any more
	Secrets      []DirectoryKeySecret `json:"secrets"`                  // its secret; while it is being replaced, the one before, too
}

// DirectoryRole is what the command table says of it; docs/commands.md describes it.
type DirectoryRole struct {
	Name        string   `json:"name"`                 //
	Permissions []string `json:"permissions"`          // what it allows
	Builtin     bool     `json:"builtin,omitempty"`    // true for one that there always is, and that cannot be changed
	CreatedAt   int64    `json:"created_at,omitempty"` // in Unix milliseconds; absent of a built-in one
	CreatedBy   string   `json:"created_by,omitempty"` //
}

// DirectoryUser is what the command table says of it; docs/commands.md describes it.
type DirectoryUser struct {
	Name        string   `json:"name"`                   //
	Roles       []string `json:"roles,omitempty"`        //
	Permissions []string `json:"permissions,omitempty"`  // what it may do besides what its roles allow
	Home        string   `json:"home"`                   // the namespace that it belongs to
	Namespaces  []string `json:"namespaces,omitempty"`   // further namespaces that it may select; * is every one
	Disabled    bool     `json:"disabled,omitempty"`     // true when it may not sign in
	CreatedAt   int64    `json:"created_at"`             // in Unix milliseconds
	CreatedBy   string   `json:"created_by"`             //
	LastUsedAt  int64    `json:"last_used_at,omitempty"` // in Unix milliseconds, to the second; absent is never
}

// KVListItem is what the command table says of it; docs/commands.md describes it.
type KVListItem struct {
	Key     string      `json:"key"`               //
	Kind    string      `json:"kind"`              // text, json or bytes
	Size    int         `json:"size"`              // the value's length in bytes
	Version uint64      `json:"version"`           // the write that last changed the key
	TTL     int64       `json:"ttl,omitempty"`     // seconds until the key expires, rounded up; absent when it does not
	TTLMS   int64       `json:"ttl_ms,omitempty"`  // the same in milliseconds
	Preview string      `json:"preview,omitempty"` // how the value begins; bytes have no preview
	Value   value.Value `json:"value,omitzero"`    // the whole value
}

// KVGotItem is what the command table says of it; docs/commands.md describes it.
type KVGotItem struct {
	Key        string      `json:"key"`                   //
	Found      bool        `json:"found"`                 // false when there is no such key
	Value      value.Value `json:"value,omitzero"`        // what the key holds; a cut value is text or bytes, even when the whole is JSON
	Version    uint64      `json:"version,omitempty"`     // the write that last changed the key
	TTL        int64       `json:"ttl,omitempty"`         // seconds until the key expires, rounded up; absent when it does not
	TTLMS      int64       `json:"ttl_ms,omitempty"`      // the same in milliseconds
	Size       int         `json:"size,omitempty"`        // the whole value's length in bytes
	NextOffset int64       `json:"next_offset,omitempty"` // the value was cut: pass this as offset to read on
}

// KVEntry is what the command table says of it; docs/commands.md describes it.
type KVEntry struct {
	Key       string      `json:"key"`                  // the key to set
	Value     value.Value `json:"value"`                // what it is to hold
	TTL       int64       `json:"ttl,omitempty"`        // seconds until the key expires
	TTLMS     int64       `json:"ttl_ms,omitempty"`     // milliseconds until the key expires
	ExpiresAt int64       `json:"expires_at,omitempty"` // when the key expires, in Unix milliseconds
}

// MemoryCollectionInfo is what the command table says of it; docs/commands.md describes it.
type MemoryCollectionInfo struct {
	Name     string `json:"name"`     //
	Memories int    `json:"memories"` // how many memories it has
	Words    int    `json:"words"`    // how many different words they have
}

// MemoryMemory is what the command table says of it; docs/commands.md describes it.
type MemoryMemory struct {
	ID        string      `json:"id"`                   //
	Text      string      `json:"text"`                 //
	Cut       bool        `json:"cut,omitempty"`        // whether the text goes on: memory.list with its id has all of it
	Metadata  value.Value `json:"metadata,omitzero"`    // what its writer said about it, a JSON object
	Source    string      `json:"source,omitempty"`     // where its writer had it from
	StoredBy  string      `json:"stored_by"`            // who stored it
	StoredKey string      `json:"stored_key,omitempty"` // the id of the API key that it was stored with
	StoredAt  string      `json:"stored_at"`            // when, RFC 3339
	UpdatedBy string      `json:"updated_by,omitempty"` // who changed it last
	UpdatedAt string      `json:"updated_at,omitempty"` // when, RFC 3339
	ExpiresAt string      `json:"expires_at,omitempty"` // when it is forgotten, RFC 3339; absent means never
	Version   uint64      `json:"version,omitempty"`    // the write that last changed it, for if_version
	Embedded  bool        `json:"embedded,omitempty"`   // whether it can be found by meaning
}

// MemoryResult is what the command table says of it; docs/commands.md describes it.
type MemoryResult struct {
	Score      float64     `json:"score"`                // how well it fits by itself, up to 1: the better of similarity and words
	Similarity float64     `json:"similarity,omitempty"` // the cosine between the query's meaning and its own
	Words      float64     `json:"words,omitempty"`      // the share of the query's words that it has, rare ones counting more
	ID         string      `json:"id"`                   //
	Text       string      `json:"text"`                 //
	Cut        bool        `json:"cut,omitempty"`        // whether the text goes on: memory.list with its id has all of it
	Metadata   value.Value `json:"metadata,omitzero"`    // what its writer said about it, a JSON object
	Source     string      `json:"source,omitempty"`     // where its writer had it from
	StoredBy   string      `json:"stored_by"`            // who stored it
	StoredKey  string      `json:"stored_key,omitempty"` // the id of the API key that it was stored with
	StoredAt   string      `json:"stored_at"`            // when, RFC 3339
	UpdatedBy  string      `json:"updated_by,omitempty"` // who changed it last
	UpdatedAt  string      `json:"updated_at,omitempty"` // when, RFC 3339
	ExpiresAt  string      `json:"expires_at,omitempty"` // when it is forgotten, RFC 3339; absent means never
	Version    uint64      `json:"version,omitempty"`    // the write that last changed it, for if_version
	Embedded   bool        `json:"embedded,omitempty"`   // whether it can be found by meaning
}

// MemoryEmbedderStatus is what the command table says of it; docs/commands.md describes it.
type MemoryEmbedderStatus struct {
	Kind      string `json:"kind"`                // none, openai or ollama
	Model     string `json:"model,omitempty"`     //
	Dimension int    `json:"dimension,omitempty"` // of its vectors; absent until the first
	Trouble   string `json:"trouble,omitempty"`   // why it did not answer the last time; absent when it did
	RetryAt   string `json:"retry_at,omitempty"`  // when it is asked again, RFC 3339
}

// MemorySimilar is what the command table says of it; docs/commands.md describes it.
type MemorySimilar struct {
	ID    string  `json:"id"`    //
	Score float64 `json:"score"` // how alike they are, up to 1
	By    string  `json:"by"`    // what was compared: meaning or words
	Text  string  `json:"text"`  // its text, cut to 300 bytes
}

// CommandUsage is what the command table says of it; docs/commands.md describes it.
type CommandUsage struct {
	Items int64 `json:"items"` // how many things there are
	Bytes int64 `json:"bytes"` // about how much memory they take
}

// CoreNamespaceItem is what the command table says of it; docs/commands.md describes it.
type CoreNamespaceItem struct {
	Name   string           `json:"name"`             //
	Number uint32           `json:"number"`           //
	Quotas map[string]int64 `json:"quotas,omitempty"` // the quotas of its own
}

// CoreQuotaUse is what the command table says of it; docs/commands.md describes it.
type CoreQuotaUse struct {
	Limit   int64 `json:"limit"`             // what may be used; 0 is no limit
	Use     int64 `json:"use"`               // what is used; of a rate, what has come of what may come at once
	Own     bool  `json:"own,omitempty"`     // true when the limit is the namespace's own, and not the server's default
	Refused int64 `json:"refused,omitempty"` // how often it refused something since the server started
}

// PeerRuleInput is what the command table says of it; docs/commands.md describes it.
type PeerRuleInput struct {
	Rooms       string `json:"rooms,omitempty"`       // the rooms whose events flow: a name, or the beginning of names and a *
	Collections string `json:"collections,omitempty"` // or the collections whose points flow, in the same way
	Topics      string `json:"topics,omitempty"`      // or the topics whose messages flow: a pattern, in which * is exactly one level and # at the end any number of levels
	Direction   string `json:"direction,omitempty"`   // in: from the peer to here; out: from here to the peer; both, which is what is meant when it is absent
}

// PeerSpot is what the command table says of it; docs/commands.md describes it.
type PeerSpot struct {
	Generation int64  `json:"generation,omitempty"` // of the room there; 0 is before the first
	Offset     uint64 `json:"offset,omitempty"`     // what to go on with
}

// PeerStep is what the command table says of it; docs/commands.md describes it.
type PeerStep struct {
	Node string   `json:"node"` // the node at which events were made
	From PeerSpot `json:"from"` // how far they were taken in before
	To   PeerSpot `json:"to"`   // and now
}

// PeerEvent is what the command table says of it; docs/commands.md describes it.
type PeerEvent struct {
	Origin     string            `json:"origin,omitempty"`  // the node at which it was made; absent: where it was read
	Generation int64             `json:"generation"`        // of the room at its origin
	Offset     uint64            `json:"offset"`            // its place there
	By         string            `json:"by,omitempty"`      // who appended it there
	At         int64             `json:"at,omitempty"`      // when, in Unix milliseconds
	Event      string            `json:"event,omitempty"`   // its type
	Data       value.Value       `json:"data"`              // what happened
	Headers    map[string]string `json:"headers,omitempty"` // short facts about it
	Key        string            `json:"key,omitempty"`     // what it is about
}

// PeerChange is what the command table says of it; docs/commands.md describes it.
type PeerChange struct {
	ID        string `json:"id"`                   // the point
	Time      int64  `json:"time"`                 // of the change, in Unix milliseconds
	Node      string `json:"node"`                 // where it was made
	Deleted   bool   `json:"deleted,omitempty"`    // true when the point went
	ExpiresAt int64  `json:"expires_at,omitempty"` // when it goes by itself, in Unix milliseconds
	Version   uint64 `json:"version,omitempty"`    // of the point where the change was read
}

// PeerLine is what the command table says of it; docs/commands.md describes it.
type PeerLine struct {
	Name        string          `json:"name"`                  //
	URL         string          `json:"url"`                   //
	Credential  string          `json:"credential,omitempty"`  // the name under which this server finds the key to show there
	Certificate string          `json:"certificate,omitempty"` // the name under which it finds the certificate to show there
	Namespace   string          `json:"namespace,omitempty"`   // at the peer; absent is its key's own
	Rules       []PeerRuleInput `json:"rules"`                 //
	Configured  bool            `json:"configured,omitempty"`  // true when it stands in the server's configuration
	CreatedAt   int64           `json:"created_at"`            // in Unix milliseconds
	CreatedBy   string          `json:"created_by"`            //
	State       string          `json:"state"`                 // connected; connecting; waiting, before the next attempt; paused; off, when this process makes no links
	Since       int64           `json:"since,omitempty"`       // since when it is in that state, in Unix milliseconds
	Node        string          `json:"node,omitempty"`        // which node the peer is; known once it was connected
	LastError   string          `json:"last_error,omitempty"`  // what went wrong last
	ErrorAt     int64           `json:"error_at,omitempty"`    // when, in Unix milliseconds
	Attempts    uint64          `json:"attempts,omitempty"`    // how often a connection was tried
	Rooms       int             `json:"rooms,omitempty"`       // how many partitions of rooms are followed, those of both directions counted twice
	In          uint64          `json:"in,omitempty"`          // events that were taken in from the peer
	Out         uint64          `json:"out,omitempty"`         // events that the peer took in from here
	Passed      uint64          `json:"passed,omitempty"`      // events that were there already, having come another way, or made there
	Lost        uint64          `json:"lost,omitempty"`        // events that a room had let go of before they were read
	LagMS       int64           `json:"lag_ms,omitempty"`      // how old the oldest of them is, in milliseconds; without a connection, at most: since when the link may be behind, as what came since is not known
	Behind      uint64          `json:"behind,omitempty"`      // events that are known and not yet taken over, in both directions
}

// PeerIncoming is what the command table says of it; docs/commands.md describes it.
type PeerIncoming struct {
	ID        string      `json:"id"`                   // the point
	Time      int64       `json:"time"`                 // of the change, in Unix milliseconds
	Node      string      `json:"node"`                 // where it was made
	Deleted   bool        `json:"deleted,omitempty"`    // true when the point went
	ExpiresAt int64       `json:"expires_at,omitempty"` // when it goes by itself, in Unix milliseconds
	Version   uint64      `json:"version,omitempty"`    // of the point where the change was read
	Seen      uint64      `json:"seen,omitempty"`       // the version of the point here, as it was when the sender looked; absent when there was none, or with noted
	Point     value.Value `json:"point,omitzero"`       // vector, vectors, payload and text of the point, as vector.upsert takes them: an object with these fields, or bytes, as of packed
}

// PeerMark is what the command table says of it; docs/commands.md describes it.
type PeerMark struct {
	ID        string `json:"id"`                   // the point
	Version   uint64 `json:"version"`              // of the point, or of the record in which it went
	Deleted   bool   `json:"deleted,omitempty"`    // true when it went
	ExpiresAt int64  `json:"expires_at,omitempty"` // when it goes by itself, in Unix milliseconds
}

// PubsubIncoming is what the command table says of it; docs/commands.md describes it.
type PubsubIncoming struct {
	Topic     string            `json:"topic"`               //
	Message   value.Value       `json:"message,omitzero"`    // the message; absent when the topic forgets
	Headers   map[string]string `json:"headers,omitempty"`   // without those that begin with synap.
	ReplyTo   string            `json:"reply_to,omitempty"`  //
	By        string            `json:"by,omitempty"`        // who published it
	At        int64             `json:"at,omitempty"`        // when, in Unix milliseconds
	Node      string            `json:"node,omitempty"`      // the node where it was published; absent is here
	Run       string            `json:"run,omitempty"`       // the life of that server in which numbers are counted
	Number    uint64            `json:"number"`              // which one it is there
	Hops      int               `json:"hops,omitempty"`      // how many servers have carried it
	Via       string            `json:"via,omitempty"`       // the node that it was taken in from
	Time      int64             `json:"time,omitempty"`      // of what is retained or forgotten: which is the later one, in Unix milliseconds
	Retain    bool              `json:"retain,omitempty"`    // true when it is to be retained
	Forgotten bool              `json:"forgotten,omitempty"` // true when it is no message, but its topic lets go of the one that it retained
}

// PubsubMessage is what the command table says of it; docs/commands.md describes it.
type PubsubMessage struct {
	Topic       string            `json:"topic"`                  //
	Message     value.Value       `json:"message"`                //
	Headers     map[string]string `json:"headers,omitempty"`      //
	ReplyTo     string            `json:"reply_to,omitempty"`     // publish the answer to this topic
	PublishedAt int64             `json:"published_at"`           // when it was published, in Unix milliseconds
	PublishedBy string            `json:"published_by,omitempty"` // who published it
	Retained    bool              `json:"retained,omitempty"`     // true for the message that its topic keeps for newcomers
}

// PubsubOrigin is what the command table says of it; docs/commands.md describes it.
type PubsubOrigin struct {
	Node      string `json:"node,omitempty"`      // the node where it was published; absent is here
	Run       string `json:"run,omitempty"`       // the life of that server in which numbers are counted
	Number    uint64 `json:"number"`              // which one it is there
	Hops      int    `json:"hops,omitempty"`      // how many servers have carried it
	Via       string `json:"via,omitempty"`       // the node that it was taken in from
	Time      int64  `json:"time,omitempty"`      // of what is retained or forgotten: which is the later one, in Unix milliseconds
	Retain    bool   `json:"retain,omitempty"`    // true when it is to be retained
	Forgotten bool   `json:"forgotten,omitempty"` // true when it is no message, but its topic lets go of the one that it retained
}

// PubsubOutgoing is what the command table says of it; docs/commands.md describes it.
type PubsubOutgoing struct {
	Topic   string            `json:"topic"`              //
	Message value.Value       `json:"message"`            //
	Headers map[string]string `json:"headers,omitempty"`  //
	ReplyTo string            `json:"reply_to,omitempty"` //
	Retain  bool              `json:"retain,omitempty"`   //
}

// PubsubTopicLine is what the command table says of it; docs/commands.md describes it.
type PubsubTopicLine struct {
	Name        string `json:"name"`               //
	Subscribers int    `json:"subscribers"`        // how many subscriptions name just this topic or pattern
	Retained    bool   `json:"retained,omitempty"` // whether the topic keeps a message for newcomers
}

// QueueAckResult is what the command table says of it; docs/commands.md describes it.
type QueueAckResult struct {
	Receipt string `json:"receipt"`       //
	OK      bool   `json:"ok"`            // false when the receipt is stale: the lease ended, or was settled before; nothing was changed
	State   string `json:"state"`         // what became of the message: done, ready, delayed, dead or leased; of a stale receipt stale
	Due     int64  `json:"due,omitempty"` // when a delayed message is handed out again, or the extended lease ends, in Unix milliseconds
}

// QueueSettings is what the command table says of it; docs/commands.md describes it.
type QueueSettings struct {
	MaxDepth        int64  `json:"max_depth"`                   // how many messages the queue holds, without dead letters
	MaxBytes        int64  `json:"max_bytes"`                   // how many bytes they take
	Overflow        string `json:"overflow"`                    // what a publish into the full queue does: reject or drop_oldest
	LeaseMS         int64  `json:"lease_ms"`                    // how long a received message stays with its receiver, in milliseconds
	MaxAttempts     int64  `json:"max_attempts"`                // after so many deliveries a message that is not done becomes a dead letter; 0 is never
	Backoff         string `json:"backoff"`                     // how the delay of a retry grows: fixed, or exponential (doubling)
	BackoffMS       int64  `json:"backoff_ms"`                  // the delay of the first retry, in milliseconds
	BackoffMaxMS    int64  `json:"backoff_max_ms"`              // the longest delay of a retry, in milliseconds
	JitterPercent   int64  `json:"jitter_percent"`              // how much of a retry's delay is random
	RetentionMS     int64  `json:"retention_ms"`                // how long a message is kept, and then again as a dead letter, in milliseconds; 0 is for ever
	DedupeMS        int64  `json:"dedupe_ms"`                   // how long a dedupe_id is remembered, in milliseconds
	Prefetch        int64  `json:"prefetch"`                    // how many messages one consumer may hold under leases at once; 0 is any number
	MaxDead         int64  `json:"max_dead"`                    // how many dead letters are kept; the oldest goes first
	DeadLetterQueue string `json:"dead_letter_queue,omitempty"` // the queue that dead letters go to; absent keeps them in this one
}

// QueueListItem is what the command table says of it; docs/commands.md describes it.
type QueueListItem struct {
	Queue   string `json:"queue"`            //
	Ready   int    `json:"ready"`            // may be received, or wait for their group
	Leased  int    `json:"leased"`           // with a receiver
	Delayed int    `json:"delayed"`          // not to be handed out yet
	Dead    int    `json:"dead"`             // dead letters
	Bytes   int64  `json:"bytes"`            // about how much memory its messages take, dead letters included
	Paused  bool   `json:"paused,omitempty"` // true when it hands out nothing
}

// QueueSeen is what the command table says of it; docs/commands.md describes it.
type QueueSeen struct {
	MessageID      string            `json:"message_id"`                 //
	Kind           string            `json:"kind"`                       // text, json or bytes
	Size           int               `json:"size"`                       // the message's length in bytes
	Preview        string            `json:"preview,omitempty"`          // how the message begins; bytes have no preview
	Message        value.Value       `json:"message,omitzero"`           // the whole message, if full was asked for
	Headers        map[string]string `json:"headers,omitempty"`          // if full was asked for
	Priority       int               `json:"priority"`                   //
	Group          string            `json:"group,omitempty"`            //
	Attempts       uint32            `json:"attempts,omitempty"`         // how often it was handed out
	PublishedAt    int64             `json:"published_at"`               // in Unix milliseconds
	PublishedBy    string            `json:"published_by,omitempty"`     //
	ExpiresAt      int64             `json:"expires_at,omitempty"`       // when it is dropped, in Unix milliseconds
	DueAt          int64             `json:"due_at,omitempty"`           // of a delayed message: when it is ready
	Consumer       string            `json:"consumer,omitempty"`         // of a leased message: who has it
	LeaseExpiresAt int64             `json:"lease_expires_at,omitempty"` // of a leased message: until when
	Reason         string            `json:"reason,omitempty"`           // what the last receiver said
	Died           *QueueDeath       `json:"died,omitempty"`             // of a dead letter: why and where it died
}

// QueueCounts is what the command table says of it; docs/commands.md describes it.
type QueueCounts struct {
	Ready   int `json:"ready"`   // may be received, or wait for their group
	Leased  int `json:"leased"`  // with a receiver
	Delayed int `json:"delayed"` // not to be handed out yet
	Dead    int `json:"dead"`    // dead letters
}

// QueueOutgoing is what the command table says of it; docs/commands.md describes it.
type QueueOutgoing struct {
	Message  value.Value       `json:"message,omitzero"`    // the message: text, JSON or bytes
	Priority *int              `json:"priority,omitempty"`  // 9 is handed out first and 0 last; 5 when absent
	Delay    int64             `json:"delay,omitempty"`     // hand it out only after so many seconds
	DelayMS  int64             `json:"delay_ms,omitempty"`  // the same in milliseconds
	TTL      int64             `json:"ttl,omitempty"`       // drop it when nobody has received it after so many seconds; 0 is never
	TTLMS    int64             `json:"ttl_ms,omitempty"`    // the same in milliseconds
	Headers  map[string]string `json:"headers,omitempty"`   // short facts about the message, at most 64 of them
	DedupeID string            `json:"dedupe_id,omitempty"` // publishing the same dedupe_id again within the queue's window does nothing, so that a retry is safe
	Group    string            `json:"group,omitempty"`     // messages of one group are worked on one after the other, in the order they were published
}

// QueuePublished is what the command table says of it; docs/commands.md describes it.
type QueuePublished struct {
	MessageID string `json:"message_id,omitempty"` // the message's number in its queue
	Duplicate bool   `json:"duplicate,omitempty"`  // true when the dedupe_id was known: nothing was published, and message_id is the first one's
}

// QueueDelivered is what the command table says of it; docs/commands.md describes it.
type QueueDelivered struct {
	Receipt        string            `json:"receipt"`                // pass it to queue.ack before the lease ends
	MessageID      string            `json:"message_id"`             //
	Message        value.Value       `json:"message"`                //
	Attempt        uint32            `json:"attempt"`                // how often the message was handed out, this time included
	Priority       int               `json:"priority"`               //
	Group          string            `json:"group,omitempty"`        //
	Headers        map[string]string `json:"headers,omitempty"`      //
	PublishedAt    int64             `json:"published_at"`           // in Unix milliseconds
	PublishedBy    string            `json:"published_by,omitempty"` //
	LeaseExpiresAt int64             `json:"lease_expires_at"`       // when it will be handed out again unless it is acknowledged, in Unix milliseconds
	Reason         string            `json:"reason,omitempty"`       // what the last receiver said when it gave the message back
	Died           *QueueDeath       `json:"died,omitempty"`         // of a dead letter of another queue: why and where it died
}

// QueueTotals is what the command table says of it; docs/commands.md describes it.
type QueueTotals struct {
	Published    uint64 `json:"published"`     // messages that came, redriven ones of other queues included
	Delivered    uint64 `json:"delivered"`     // leases that were granted
	Done         uint64 `json:"done"`          // messages acknowledged
	Expired      uint64 `json:"expired"`       // messages and dead letters whose time was over
	Dropped      uint64 `json:"dropped"`       // messages and dead letters that made room
	DeadLettered uint64 `json:"dead_lettered"` // messages that became dead letters, here or in another queue
}

// CoreThing is what the command table says of it; docs/commands.md describes it.
type CoreThing struct {
	Name   string            `json:"name"`             //
	URI    string            `json:"uri"`              // its address
	Counts map[string]string `json:"counts,omitempty"` // what is in it, in numbers
}

// ClientsInfo is what the command table says of it; docs/commands.md describes it.
type ClientsInfo struct {
	ID      uint64    `json:"id"`                // its number, by which server.disconnect ends it
	Door    string    `json:"door"`              // the door that it came through
	Kind    string    `json:"kind,omitempty"`    // what it has become, such as websocket
	Address string    `json:"address,omitempty"` // where it comes from
	Caller  string    `json:"caller,omitempty"`  // who called last; absent before anybody did
	Calls   uint64    `json:"calls"`             // requests on it so far
	Opened  time.Time `json:"opened_at"`         //
}

// CoreLine is what the command table says of it; docs/commands.md describes it.
type CoreLine struct {
	Name    string `json:"name"`    //
	Kind    string `json:"kind"`    // read, write, act or watch
	Summary string `json:"summary"` //
}

// CommandReference is what the command table says of it; docs/commands.md describes it.
type CommandReference struct {
	Name           string      `json:"name"`             //
	Kind           string      `json:"kind"`             // read, write, act or watch
	Op             uint16      `json:"op"`               // the command's number on binary protocols
	Summary        string      `json:"summary"`          //
	Doc            string      `json:"doc,omitempty"`    //
	Access         string      `json:"access"`           // what its caller needs: none, read, write or admin
	Idempotent     bool        `json:"idempotent"`       // the same request twice does no more than once
	Destructive    bool        `json:"destructive"`      // may overwrite or remove what was there
	Tool           string      `json:"tool,omitempty"`   // its name as a tool
	Routes         []string    `json:"routes,omitempty"` // its HTTP routes besides the derived one
	RequestSchema  value.Value `json:"request_schema"`   //
	ResponseSchema value.Value `json:"response_schema"`  //
}

// CoreHotKey is what the command table says of it; docs/commands.md describes it.
type CoreHotKey struct {
	Structure string  `json:"structure"`                  //
	Name      string  `json:"name"`                       //
	Namespace string  `json:"namespace"`                  //
	CallsPerS float64 `json:"calls_per_second"`           // about how often it is called
	Share     float64 `json:"share"`                      // of all calls that name one thing, from 0 to 1
	ErrorPerS float64 `json:"error_per_second,omitempty"` // by how much the rate may be too high at most, besides chance
}

// CoreMemoryInfo is what the command table says of it; docs/commands.md describes it.
type CoreMemoryInfo struct {
	HeapBytes    uint64  `json:"heap_bytes"`            // in use
	SystemBytes  uint64  `json:"system_bytes"`          // had from the system
	LimitBytes   int64   `json:"limit_bytes,omitempty"` // the limit that the collector keeps to, if there is one
	Collections  uint32  `json:"collections"`           // since the start
	PauseSeconds float64 `json:"pause_seconds"`         // how long they stopped the program, in all
}

// CoreSlowCall is what the command table says of it; docs/commands.md describes it.
type CoreSlowCall struct {
	ID        uint64    `json:"id"`                   // its number; they are given in order
	At        time.Time `json:"at"`                   // when it began
	TookUS    int64     `json:"took_us"`              // how long it took, in microseconds
	Command   string    `json:"command"`              //
	Outcome   string    `json:"outcome"`              // ok, or the code of its error
	Names     []string  `json:"names,omitempty"`      // what it was about, as far as you may read that
	More      int       `json:"more,omitempty"`       // how many further names it was about
	Caller    string    `json:"caller"`               //
	Namespace string    `json:"namespace"`            //
	Client    uint64    `json:"client,omitempty"`     // the number of the connection, as in server.clients
	RequestID string    `json:"request_id,omitempty"` // the caller's name for the request
	TraceID   string    `json:"trace_id,omitempty"`   // of the caller's trace
}

// StreamNewEvent is what the command table says of it; docs/commands.md describes it.
type StreamNewEvent struct {
	Event    string            `json:"event,omitempty"`     // its type, such as task.done
	Data     value.Value       `json:"data,omitzero"`       // what happened: text, JSON or bytes
	Headers  map[string]string `json:"headers,omitempty"`   // short facts about it, at most 64 of them
	Key      string            `json:"key,omitempty"`       // what it is about: events with the same key keep their order, in the same partition
	DedupeID string            `json:"dedupe_id,omitempty"` // an id of your own: a second event with it, within the room's window, is not appended and answered as the first was
}

// StreamAppended is what the command table says of it; docs/commands.md describes it.
type StreamAppended struct {
	Offset    uint64 `json:"offset"`              //
	Partition int    `json:"partition,omitempty"` //
	Duplicate bool   `json:"duplicate,omitempty"` //
}

// StreamPartitionOffset is what the command table says of it; docs/commands.md describes it.
type StreamPartitionOffset struct {
	Partition int    `json:"partition"` //
	Offset    uint64 `json:"offset"`    //
}

// StreamBatch is what the command table says of it; docs/commands.md describes it.
type StreamBatch struct {
	Partition  int            `json:"partition"`      //
	Events     []*StreamEvent `json:"events"`         // oldest first, from the committed offset on; empty when none is of the wanted type
	NextOffset uint64         `json:"next_offset"`    // commit this when they are handled; until then they are fetched again
	Lost       uint64         `json:"lost,omitempty"` // how many the group had not committed that are gone
	Lag        uint64         `json:"lag,omitempty"`  // how many events follow
}

// StreamGroupLine is what the command table says of it; docs/commands.md describes it.
type StreamGroupLine struct {
	Group      string `json:"group"`      //
	Assignment string `json:"assignment"` //
	Generation int64  `json:"generation"` //
	Members    int    `json:"members"`    //
	Lag        uint64 `json:"lag"`        // how many events, in all partitions, it has yet to commit
}

// StreamMemberLine is what the command table says of it; docs/commands.md describes it.
type StreamMemberLine struct {
	Member     string `json:"member"`     //
	Owner      string `json:"owner"`      // who joined
	Deadline   int64  `json:"deadline"`   // the member is out if it is not heard of until then, in Unix milliseconds
	Partitions []int  `json:"partitions"` //
}

// StreamGroupProgress is what the command table says of it; docs/commands.md describes it.
type StreamGroupProgress struct {
	Partition  int    `json:"partition"`        //
	Member     string `json:"member,omitempty"` // who reads it; absent while the group has no members
	Committed  uint64 `json:"committed"`        // the offset to read next: all before it was committed
	NextOffset uint64 `json:"next_offset"`      // the offset that the next event gets
	Lag        uint64 `json:"lag"`              // how many events it has yet to commit
	Lost       uint64 `json:"lost,omitempty"`   // how many it never committed that are gone
}

// StreamRoomLine is what the command table says of it; docs/commands.md describes it.
type StreamRoomLine struct {
	Room       string `json:"room"`                //
	Partitions int    `json:"partitions"`          //
	Events     int64  `json:"events"`              // how many events it holds
	Bytes      int64  `json:"bytes"`               // about how much memory they take
	Groups     int    `json:"groups,omitempty"`    // how many consumer groups it has
	NewestAt   int64  `json:"newest_at,omitempty"` // when its newest event was appended, in Unix milliseconds
	Generation int64  `json:"generation"`          //
}

// StreamEvent is what the command table says of it; docs/commands.md describes it.
type StreamEvent struct {
	Offset    uint64            `json:"offset"`              // its place in the partition: the first is 0, and there are no gaps
	Event     string            `json:"event,omitempty"`     // its type
	Data      value.Value       `json:"data"`                //
	Headers   map[string]string `json:"headers,omitempty"`   //
	Key       string            `json:"key,omitempty"`       // what it is about: events with the same key are in the same partition
	At        int64             `json:"at"`                  // when it was appended, in Unix milliseconds
	By        string            `json:"by,omitempty"`        // who appended it
	Truncated int               `json:"truncated,omitempty"` // how many bytes the data really has; set when it was cut to value_bytes
}

// StreamPartitionLine is what the command table says of it; docs/commands.md describes it.
type StreamPartitionLine struct {
	Partition    int    `json:"partition"`           //
	OldestOffset uint64 `json:"oldest_offset"`       // the first offset that is held; next_offset when none is
	NextOffset   uint64 `json:"next_offset"`         // the offset that the next event gets
	Bytes        int64  `json:"bytes"`               //
	OldestAt     int64  `json:"oldest_at,omitempty"` // in Unix milliseconds
	NewestAt     int64  `json:"newest_at,omitempty"` // in Unix milliseconds
}

// CoreStep is what the command table says of it; docs/commands.md describes it.
type CoreStep struct {
	Command   string      `json:"command"`              // the command's name, such as kv.set
	Payload   value.Value `json:"payload,omitzero"`     // the command's request
	Type      string      `json:"type,omitempty"`       // may be there, as in a batch: request
	RequestID string      `json:"request_id,omitempty"` // may be there, as in a batch; results come in order, so it is not repeated
}

// VectorShape is what the command table says of it; docs/commands.md describes it.
type VectorShape struct {
	Dimension    int    `json:"dimension,omitempty"`       // how many numbers a vector has; of bits at most 131072, of others 16384
	Metric       string `json:"metric,omitempty"`          // how near vectors are: cosine (the default), dot, euclidean, or hamming for bits
	Element      string `json:"element,omitempty"`         // what a number is kept as: float32 (the default), float16 in half the memory, int8 in a quarter, or bit
	Index        string `json:"index,omitempty"`           // flat measures every vector, hnsw walks a graph; auto (the default) makes the graph above 10000 vectors
	Quantization string `json:"quantization,omitempty"`    // walk over a smaller copy of the vectors, and measure what it finds again with the whole ones; absent is none
	M            int    `json:"m,omitempty"`               // of the graph: links of a vector; 16 when absent
	EfBuild      int    `json:"ef_construction,omitempty"` // of the graph: how widely is looked for a new vector's neighbours; 128 when absent
}

// VectorIndexRequest is what the command table says of it; docs/commands.md describes it.
type VectorIndexRequest struct {
	Field string `json:"field"` // the payload field, with dots into objects: user.city
	Type  string `json:"type"`  // what is indexed of it: texts (keyword), numbers (integer or float), true and false (bool), or places (geo)
}

// VectorListItem is what the command table says of it; docs/commands.md describes it.
type VectorListItem struct {
	Collection string `json:"collection"` //
	Points     int    `json:"points"`     // how many points it has
	Bytes      int64  `json:"bytes"`      // about how much memory it takes
}

// VectorMemory is what the command table says of it; docs/commands.md describes it.
type VectorMemory struct {
	Points  int64 `json:"points"`  // ids, payloads and texts
	Vectors int64 `json:"vectors"` // vectors that are in no graph
	Graphs  int64 `json:"graphs"`  // graphs, with their vectors
	Indexes int64 `json:"indexes"` // indexes of payload fields
	Words   int64 `json:"words"`   // the index of words
}

// VectorIndex is what the command table says of it; docs/commands.md describes it.
type VectorIndex struct {
	Index string `json:"index"` // how it is searched
}

// VectorGot is what the command table says of it; docs/commands.md describes it.
type VectorGot struct {
	ID        json.RawMessage      `json:"id"`                   //
	Version   uint64               `json:"version"`              // of the record that put it
	Payload   json.RawMessage      `json:"payload,omitempty"`    //
	Text      string               `json:"text,omitempty"`       //
	ExpiresAt int64                `json:"expires_at,omitempty"` // in Unix milliseconds; absent when it does not expire
	Vector    []float32            `json:"vector,omitempty"`     // the default vector
	Vectors   map[string][]float32 `json:"vectors,omitempty"`    // the others, by name
	Packed    value.Value          `json:"packed,omitzero"`      // if it was asked for: payload, text and vectors, as bytes
}

// VectorWeights is what the command table says of it; docs/commands.md describes it.
type VectorWeights struct {
	Text   float64 `json:"text"`   // of the ranking by words, 0 to 100
	Vector float64 `json:"vector"` // of the ranking by vectors, 0 to 100
}

// VectorHybridHit is what the command table says of it; docs/commands.md describes it.
type VectorHybridHit struct {
	Score      float64              `json:"score"`                 // the fused score: it orders this answer, and means nothing beyond it
	TextRank   int                  `json:"text_rank,omitempty"`   // its place in the ranking by words, from 1; absent when it is not in it
	VectorRank int                  `json:"vector_rank,omitempty"` // its place in the ranking by vectors, from 1; absent when it is not in it
	ID         json.RawMessage      `json:"id"`                    //
	Version    uint64               `json:"version"`               // of the record that put it
	Payload    json.RawMessage      `json:"payload,omitempty"`     //
	Text       string               `json:"text,omitempty"`        //
	ExpiresAt  int64                `json:"expires_at,omitempty"`  // in Unix milliseconds; absent when it does not expire
	Vector     []float32            `json:"vector,omitempty"`      // the default vector
	Vectors    map[string][]float32 `json:"vectors,omitempty"`     // the others, by name
}

// VectorHit is what the command table says of it; docs/commands.md describes it.
type VectorHit struct {
	Score     float32              `json:"score"`                // how near it is: under cosine and dot more is nearer, under euclidean and hamming less
	Peer      string               `json:"peer,omitempty"`       // of a search of peers: the one that has it; absent: it is here
	ID        json.RawMessage      `json:"id"`                   //
	Version   uint64               `json:"version"`              // of the record that put it
	Payload   json.RawMessage      `json:"payload,omitempty"`    //
	Text      string               `json:"text,omitempty"`       //
	ExpiresAt int64                `json:"expires_at,omitempty"` // in Unix milliseconds; absent when it does not expire
	Vector    []float32            `json:"vector,omitempty"`     // the default vector
	Vectors   map[string][]float32 `json:"vectors,omitempty"`    // the others, by name
}

// VectorPoint is what the command table says of it; docs/commands.md describes it.
type VectorPoint struct {
	ID        json.RawMessage      `json:"id"`                   //
	Version   uint64               `json:"version"`              // of the record that put it
	Payload   json.RawMessage      `json:"payload,omitempty"`    //
	Text      string               `json:"text,omitempty"`       //
	ExpiresAt int64                `json:"expires_at,omitempty"` // in Unix milliseconds; absent when it does not expire
	Vector    []float32            `json:"vector,omitempty"`     // the default vector
	Vectors   map[string][]float32 `json:"vectors,omitempty"`    // the others, by name
}

// VectorQuery is what the command table says of it; docs/commands.md describes it.
type VectorQuery struct {
	Vector   []float32        `json:"vector,omitempty"`    // look for what is near to this
	ID       json.RawMessage  `json:"id,omitzero"`         // or near to this point, which is not among the answer
	Using    string           `json:"using,omitempty"`     // the name of the vectors to compare with; absent is the default one
	Filter   *json.RawMessage `json:"filter,omitempty"`    // only the points that it means
	Limit    int              `json:"limit,omitempty"`     // how many points are wanted; 10 when absent
	Offset   int              `json:"offset,omitempty"`    // pass over so many of the nearest
	MinScore *float32         `json:"min_score,omitempty"` // only points with this score or a better one: at least it under cosine and dot, at most it under euclidean and hamming
	Exact    bool             `json:"exact,omitempty"`     // measure every vector instead of walking the graph
	Rescore  *bool            `json:"rescore,omitempty"`   // false: what a walk of the graph found, which reads a part of each vector, is not measured again: quicker and less exact; true when absent
	Ef       int              `json:"ef,omitempty"`        // how widely the graph is searched: more finds more of the nearest, and takes longer; 64 when absent, and never less than limit and offset
}

// VectorResults is what the command table says of it; docs/commands.md describes it.
type VectorResults struct {
	Hits []VectorHit `json:"hits"` //
}

// VectorPeerAnswer is what the command table says of it; docs/commands.md describes it.
type VectorPeerAnswer struct {
	Peer   string `json:"peer"`            //
	Hits   int    `json:"hits"`            // how many points it found, not all of which need to be among the answer
	TookMS int64  `json:"took_ms"`         // how long it took
	Code   string `json:"code,omitempty"`  // why it found none: timeout, unavailable, not_found when it has no such collection, …
	Error  string `json:"error,omitempty"` // the same in words
}

// VectorPointInput is what the command table says of it; docs/commands.md describes it.
type VectorPointInput struct {
	ID        json.RawMessage      `json:"id,omitzero"`          // a text, or an integer; a text of digits is the integer
	Vector    []float32            `json:"vector,omitempty"`     // the default vector
	Vectors   map[string][]float32 `json:"vectors,omitempty"`    // the others, by name
	Payload   json.RawMessage      `json:"payload,omitempty"`    // a JSON object to filter by and to get back
	Text      string               `json:"text,omitempty"`       // what vector.hybrid finds by its words
	Packed    value.Value          `json:"packed,omitzero"`      // vectors, payload and text in one, as vector.get answers them with packed
	TTL       int64                `json:"ttl,omitempty"`        // seconds until the point expires
	TTLMS     int64                `json:"ttl_ms,omitempty"`     // milliseconds until the point expires
	ExpiresAt int64                `json:"expires_at,omitempty"` // when the point expires, in Unix milliseconds
	IfVersion *uint64              `json:"if_version,omitempty"` // only if the point has this version; 0 means that there must be none
}

// QueueDeath is what the command table says of it; docs/commands.md describes it.
type QueueDeath struct {
	Cause     string `json:"cause"`            // rejected, or max_attempts
	Reason    string `json:"reason,omitempty"` // what the receiver said
	Attempts  uint32 `json:"attempts"`         // how often it had been handed out
	At        int64  `json:"at"`               // when, in Unix milliseconds
	Queue     string `json:"queue"`            // where
	MessageID string `json:"message_id"`       // its number there
}
