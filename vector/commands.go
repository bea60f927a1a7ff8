package vector

import "github.com/hivellm/synap-go/core/command"

// commands is everything that a client can ask of collections. Names and numbers are permanent. There are no tools among
// them: a language model has no vectors. It has texts, and the tools of memory.
func commands() []*command.Command {
	var all []*command.Command
	all = append(all, collections()...)
	all = append(all, writers()...)
	all = append(all, readers()...)
	all = append(all, checking(), command.Watch(command.Info{
		Name: "vector.watch", Op: 0x050e, Args: "collections...",
		Summary: "Follow changes of collections and their points as they happen.",
		Doc: "An upsert has the point's payload and text, and not its vectors. From resumes after a version or position without a gap; " +
			"when the server no longer remembers that far back the answer is out_of_range.",
	}, (*Collections).watch))
	return append(all, arithmetic()...)
}

// collections is what can be asked of collections as a whole.
func collections() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "vector.collection.create", Op: 0x0501, Args: "collection dimension", Routes: []string{"PUT /collections/:collection"},
			Summary: "Make a collection.",
			Doc: "Its vectors stay as they are made: dimension, metric and element. What is indexed can be changed by vector.collection.update. A " +
				"collection without a vector holds texts and payloads. Under cosine a vector's length is kept, and makes no difference.",
		}, (*Collections).create),
		command.Write(command.Info{
			Name: "vector.collection.update", Op: 0x0502, Hints: command.Idempotent, Args: "collection", Routes: []string{"PATCH /collections/:collection"},
			Summary: "Change what a collection indexes.",
			Doc: "A payload index that is new is filled before the answer. A vector's index may be changed at any time; one that was hnsw " +
				"and is made flat keeps the memory of its graph until the server is started again.",
		}, (*Collections).update),
		command.Write(command.Info{
			Name: "vector.collection.delete", Op: 0x0503, Frees: true, Hints: command.Destructive, Args: "collection",
			Routes:  []string{"DELETE /collections/:collection"},
			Summary: "Delete a collection with all its points.",
		}, (*Collections).delete),
		command.Write(command.Info{
			Name: "vector.collection.clear", Op: 0x0510, Frees: true, Hints: command.Idempotent | command.Destructive, Args: "collection",
			Summary: "Delete every point of a collection, which stays.",
			Doc:     "It takes the same time however many points there are.",
		}, (*Collections).clear),
		command.Read(command.Info{
			Name: "vector.collection.list", Op: 0x0504, Args: "prefix", Routes: []string{"GET /collections"},
			Summary: "List collections in order, a page at a time.",
		}, (*Collections).list),
		command.Read(command.Info{
			Name: "vector.collection.stats", Op: 0x0505, Args: "collection", Routes: []string{"GET /collections/:collection"},
			Summary: "Say how a collection is made, and how much it holds.",
		}, (*Collections).stats),
	}
}

func writers() []*command.Command {
	return []*command.Command{
		command.Write(command.Info{
			Name: "vector.upsert", Op: 0x0506, Hints: command.Idempotent | command.Destructive, Args: "collection id vector...", Waits: true,
			Routes:  []string{"POST /collections/:collection/points", "PUT /collections/:collection/points/:id"},
			Summary: "Put points into a collection, in place of those with the same ids.",
			Doc: "All of them or none. A point is replaced as a whole, its payload and deadline included. Its vectors are searched at once: exactly " +
				"until they are in the graph. With if_version one point that changed since refuses them all.",
		}, (*Collections).upsert),
		command.Write(command.Info{
			Name: "vector.set_payload", Op: 0x0511, Hints: command.Idempotent | command.Destructive, Args: "collection ids...", Waits: true,
			Routes:  []string{"PATCH /collections/:collection/points/:id"},
			Summary: "Change fields of points' payloads, and leave all else as it is.",
			Doc: "An id that no point has is no error: it is among the missing. A point has a new version afterwards, and costs what it costs to put it, " +
				"without its vectors having to be sent.",
		}, (*Collections).setPayload),
		command.Write(command.Info{
			Name: "vector.delete", Op: 0x0508, Frees: true, Hints: command.Idempotent | command.Destructive, Args: "collection ids...",
			Routes:  []string{"DELETE /collections/:collection/points/:id"},
			Summary: "Delete points by id or by filter.",
			Doc:     "An id that no point has is no error: it is among the missing. A filter deletes at most 10000 points at a time, and more says to call again.",
		}, (*Collections).remove),
	}
}

func readers() []*command.Command {
	return []*command.Command{
		command.Read(command.Info{
			Name: "vector.get", Op: 0x0507, Args: "collection ids...", Routes: []string{"GET /collections/:collection/points/:id"},
			Summary: "Return points by id.",
			Doc:     "An id that no point has is no error: it is among the missing.",
		}, (*Collections).get),
		command.Read(command.Info{
			Name: "vector.scroll", Op: 0x0509, Args: "collection", Routes: []string{"GET /collections/:collection/points", "POST /collections/:collection/scroll"},
			Summary: "List points in the order of their ids, a page at a time.",
			Doc:     "With a filter a page may be short, even empty, and have a next page.",
		}, (*Collections).scroll),
		command.Read(command.Info{
			Name: "vector.search", Op: 0x050a, Weight: 10, Asks: true, Args: "collection vector...", Routes: []string{"POST /collections/:collection/search"},
			Summary: "Return the points whose vectors are nearest to a vector, or to a point's.",
			Doc: "A filter that leaves few points is answered exactly, one that leaves many while the graph is walked: there are never fewer hits " +
				"than points that it means, up to limit. What a walk over a smaller copy finds is always measured again with the whole vectors. With peers the " +
				"search is made at other servers, too, under the rights that they give this one: it needs read access to the peers here.",
		}, (*Collections).search),
		command.Read(command.Info{
			Name: "vector.recommend", Op: 0x050b, Weight: 10, Args: "collection positive...", Routes: []string{"POST /collections/:collection/recommend"},
			Summary: "Return the points that are like some points and unlike others.",
			Doc:     "What is looked for is the mean of the positive vectors, and away from the mean of the negative ones. Points given by id are not among the answer.",
		}, (*Collections).recommend),
		command.Read(command.Info{
			Name: "vector.hybrid", Op: 0x050c, Weight: 20, Args: "collection text", Routes: []string{"POST /collections/:collection/hybrid"},
			Summary: "Return the points that fit words, a vector, or both, in one ranking.",
			Doc: "The rankings by words (BM25, over each point's text and the collection's text_fields) and by vectors are made one by where a point " +
				"stands in them (reciprocal rank fusion, k = 60), each with its weight.",
		}, (*Collections).hybrid),
		command.Read(command.Info{
			Name: "vector.count", Op: 0x050d, Args: "collection", Routes: []string{"POST /collections/:collection/count"},
			Summary: "Return how many points a collection has, or a filter means.",
		}, (*Collections).count),
	}
}
