package vector

import (
	"context"
	"slices"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
)

// Shape is what the vectors of one name are.
type Shape struct {
	Dimension    int    `json:"dimension,omitempty" min:"1" max:"131072" jsonschema:"how many numbers a vector has; of bits at most 131072, of others 16384"`
	Metric       string `json:"metric,omitempty" enum:"cosine,dot,euclidean,hamming" jsonschema:"how near vectors are: cosine (the default), dot, euclidean, or hamming for bits"`
	Element      string `json:"element,omitempty" enum:"float32,float16,int8,bit" jsonschema:"what a number is kept as: float32 (the default), float16 in half the memory, int8 in a quarter, or bit"`
	Index        string `json:"index,omitempty" enum:"auto,flat,hnsw" jsonschema:"flat measures every vector, hnsw walks a graph; auto (the default) makes the graph above 10000 vectors"`
	Quantization string `json:"quantization,omitempty" enum:"int8,bit" jsonschema:"walk over a smaller copy of the vectors, and measure what it finds again with the whole ones; absent is none"`
	M            int    `json:"m,omitempty" min:"4" max:"96" jsonschema:"of the graph: links of a vector; 16 when absent"`
	EfBuild      int    `json:"ef_construction,omitempty" min:"4" max:"4096" jsonschema:"of the graph: how widely is looked for a new vector's neighbours; 128 when absent"`
}

// IndexRequest is an index of a payload field.
type IndexRequest struct {
	Field string `json:"field" jsonschema:"the payload field, with dots into objects: user.city"`
	Type  string `json:"type" enum:"keyword,integer,float,bool,geo" jsonschema:"what is indexed of it: texts (keyword), numbers (integer or float), true and false (bool), or places (geo)"`
}

// Fields are what a collection indexes of payloads.
type Fields struct {
	Indexes    []IndexRequest `json:"indexes,omitempty" max:"64" jsonschema:"payload fields to index, so that filters on them are fast; filters work without, too"`
	TextFields []string       `json:"text_fields,omitempty" max:"16" jsonschema:"payload fields whose words vector.hybrid finds, besides each point's text"`
}

// CreateRequest asks for a collection.
type CreateRequest struct {
	Collection string `json:"collection" jsonschema:"the name: 1 to 128 of a-z A-Z 0-9 . _ : -"`
	Shape
	Vectors map[string]Shape `json:"vectors,omitempty" max:"16" jsonschema:"several vectors of a point, by name, instead of dimension and the fields after it"`
	Fields
	Language    string `json:"language,omitempty" max:"32" jsonschema:"whose word endings are taken off: english when absent, none for nobody's"`
	IfNotExists bool   `json:"if_not_exists,omitempty" jsonschema:"if there is one of that name and its vectors are alike, leave it as it is"`

	config *collection.Config // Validate fills it in
}

// Resource is the collection.
func (r *CreateRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// Validate makes a config of the request.
func (r *CreateRequest) Validate() error {
	if err := checkName(r.Collection); err != nil {
		return err
	}
	c := &collection.Config{Language: r.Language}
	switch {
	case len(r.Vectors) > 0 && r.Shape != (Shape{}):
		return fault.New(fault.Invalid, `"vectors" stands for itself: each has a dimension, and the fields after it, of its own`).With("field", "vectors")
	case len(r.Vectors) > 0:
		for name, shape := range r.Vectors {
			if name == "" {
				return fault.New(fault.Invalid, "a vector in vectors has a name; the one without is given by dimension").With("field", "vectors")
			}
			c.Vectors = append(c.Vectors, shape.config(name))
		}
	case r.Dimension != 0:
		c.Vectors = append(c.Vectors, r.Shape.config(""))
	case r.Shape != (Shape{}):
		return fault.New(fault.Invalid, `"dimension" is required with the other fields of a vector`).With("field", "dimension")
	}
	r.Fields.into(c)
	r.config = c
	return c.Check()
}

func (s Shape) config(name string) collection.VectorConfig {
	return collection.VectorConfig{
		Name: name, Dimension: s.Dimension, Metric: s.Metric, Element: s.Element, Index: s.Index, Walk: s.Quantization,
		M: s.M, EfBuild: s.EfBuild,
	}
}

func (f *Fields) into(c *collection.Config) {
	for _, x := range f.Indexes {
		c.Indexes = append(c.Indexes, collection.IndexConfig{Path: x.Field, Type: x.Type})
	}
	c.Text = slices.Clone(f.TextFields)
}

// CreateResponse says whether the collection is new.
type CreateResponse struct {
	command.Receipt
	Created bool `json:"created" jsonschema:"false when there was one, with if_not_exists"`
}

func (s *Collections) create(_ context.Context, tx *command.Tx, r *CreateRequest) (resp CreateResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(r.Collection); e != nil {
		e.RLock()
		defer e.RUnlock()
		switch {
		case !r.IfNotExists:
			return resp, fault.New(fault.AlreadyExists, "collection %q", r.Collection).With("collection", r.Collection)
		case !e.Config().SameVectors(r.config):
			return resp, fault.New(fault.Conflict, "collection %q exists, and its vectors are others than these", r.Collection).With("collection", r.Collection)
		}
		return resp, nil
	}
	if s.byName.Len() >= MaxCollections {
		return resp, fault.New(fault.Exhausted, "there are %d collections, and no more are allowed", MaxCollections).With("limit", MaxCollections)
	}
	_, err = tx.Commit(&configure{name: r.Collection, created: tx.Now(), config: r.config})
	return CreateResponse{Created: true}, err
}

// UpdateRequest asks for other indexes. What is absent stays.
type UpdateRequest struct {
	Collection string           `json:"collection" jsonschema:"the collection"`
	Indexes    *[]IndexRequest  `json:"indexes,omitempty" max:"64" jsonschema:"all payload fields that are to be indexed; others no longer are"`
	TextFields *[]string        `json:"text_fields,omitempty" max:"16" jsonschema:"all payload fields whose words are to be found; those of others no longer are"`
	Index      string           `json:"index,omitempty" enum:"auto,flat,hnsw" jsonschema:"of the default vector: how it is searched"`
	Vectors    map[string]Index `json:"vectors,omitempty" max:"16" jsonschema:"the same of other vectors, by name"`
}

// Index is what may be changed of a vector.
type Index struct {
	Index string `json:"index" enum:"auto,flat,hnsw" jsonschema:"how it is searched"`
}

// Resource is the collection.
func (r *UpdateRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

// ChangeResponse says that it was done.
type ChangeResponse struct {
	command.Receipt
	Points int `json:"points" jsonschema:"how many points the collection has, or had"`
}

func (s *Collections) update(_ context.Context, tx *command.Tx, r *UpdateRequest) (resp ChangeResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(r.Collection)
	if e == nil {
		return resp, noCollection(r.Collection)
	}
	e.Lock()
	defer e.Unlock()
	config := *e.Config()
	config.Vectors = slices.Clone(config.Vectors)
	if r.Indexes != nil {
		config.Indexes = nil
		(&Fields{Indexes: *r.Indexes, TextFields: config.Text}).into(&config)
	}
	if r.TextFields != nil {
		config.Text = slices.Clone(*r.TextFields)
	}
	if err := r.reindex(&config); err != nil {
		return resp, err
	}
	if err := config.Check(); err != nil {
		return resp, err
	}
	_, err = tx.Commit(&configure{name: r.Collection, created: e.created, config: &config})
	return ChangeResponse{Points: e.Len()}, err
}

// reindex takes over how vectors are to be searched.
func (r *UpdateRequest) reindex(config *collection.Config) error {
	wanted := map[string]string{}
	for name, x := range r.Vectors {
		wanted[name] = x.Index
	}
	if r.Index != "" {
		wanted[""] = r.Index
	}
	for name, index := range wanted {
		i := slices.IndexFunc(config.Vectors, func(v collection.VectorConfig) bool { return v.Name == name })
		if i < 0 {
			return fault.New(fault.Invalid, "collection %q has no vector %q", r.Collection, clip(name)).With("vector", clip(name))
		}
		config.Vectors[i].Index = index
	}
	return nil
}

// NameRequest names a collection.
type NameRequest struct {
	Collection string `json:"collection" jsonschema:"the collection"`
}

// Resource is the collection.
func (r *NameRequest) Resource() auth.Resource { return auth.Name(structureName, r.Collection) }

func (s *Collections) delete(_ context.Context, tx *command.Tx, r *NameRequest) (ChangeResponse, error) {
	return s.replace(tx, r.Collection, func(*entry) []journal.Op { return []journal.Op{&drop{r.Collection}} })
}

// clear drops the collection and makes it anew, which takes the same time however many points there are.
func (s *Collections) clear(_ context.Context, tx *command.Tx, r *NameRequest) (ChangeResponse, error) {
	return s.replace(tx, r.Collection, func(e *entry) []journal.Op {
		return []journal.Op{&drop{r.Collection}, &configure{name: r.Collection, created: e.created, config: e.Config()}}
	})
}

func (s *Collections) replace(tx *command.Tx, name string, ops func(*entry) []journal.Op) (resp ChangeResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(name)
	if e == nil {
		return resp, noCollection(name)
	}
	e.Lock()
	defer e.Unlock()
	_, err = tx.CommitAll(ops(e))
	return ChangeResponse{Points: e.Len()}, err
}
