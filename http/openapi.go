package http

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// object is a part of the OpenAPI document. encoding/json writes its keys in order, so the document is always
// the same for the same table.
type object map[string]any

// OpenAPI returns the OpenAPI 3.1 document of the table's commands, indented and always the same for the same
// table and version.
func OpenAPI(t *command.Table, version string) ([]byte, error) {
	if version == "" {
		version = "0"
	}
	paths, schemas, tags := object{}, object{}, []any{}
	for _, s := range t.Structures() {
		tags = append(tags, object{"name": s.Name, "description": s.Summary})
	}
	for _, c := range t.Commands() {
		schemas[c.Name+".request"] = c.RequestSchema()
		schemas[c.Name+".response"] = c.ResponseSchema()
		addOperation(paths, "/v1/"+strings.ReplaceAll(c.Name, ".", "/"), "post", derivedOperation(c))
		for _, route := range c.Routes {
			if err := addRoute(paths, c, route); err != nil {
				return nil, err
			}
		}
	}
	addFixed(paths, schemas)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Synap", "version": version,
			"description": "Every command of the server, and the resources that are routes of their own. " +
				"Bodies and answers are JSON or MessagePack, as Content-Type and Accept say.",
		},
		"tags": tags, "paths": paths, "components": object{"schemas": schemas},
	})
	return out.Bytes(), err
}

func addOperation(paths object, path, method string, operation object) {
	item, ok := paths[path].(object)
	if !ok {
		item = object{}
		paths[path] = item
	}
	item[method] = operation
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// content is a body in either encoding.
func content(schema object) object {
	return object{"application/json": object{"schema": schema}, "application/msgpack": object{"schema": schema}}
}

// operation is what all operations of a command have in common.
func operation(c *command.Command, id string) object {
	o := object{
		"operationId": id,
		"tags":        []any{c.Structure()},
		"summary":     c.Summary,
		"responses":   responses(c),
		"x-synap":     object{"command": c.Name, "kind": c.Kind.String(), "access": c.Needs().String()},
	}
	if c.Doc != "" {
		o["description"] = c.Doc
	}
	return o
}

func responses(c *command.Command) object {
	body := content(ref(c.Name + ".response"))
	if c.Kind == command.KindWatch {
		body = content(ref("events"))
		body["text/event-stream"] = object{"schema": object{"type": "string"}}
		body["application/x-ndjson"] = object{"schema": object{"type": "string"}}
	}
	return object{
		"200":     object{"description": "The answer.", "content": body},
		"default": object{"description": "An error; its code decides the status.", "content": content(ref("error"))},
	}
}

func derivedOperation(c *command.Command) object {
	o := operation(c, c.Name)
	o["requestBody"] = object{"required": len(c.RequestSchema().Required) > 0, "content": content(ref(c.Name + ".request"))}
	if c.Kind == command.KindWrite {
		o["parameters"] = []any{headerParameter(headerIdempotencyKey, "a repeat with the same key is answered as the first was")}
	}
	return o
}

func headerParameter(name, description string) object {
	return object{"name": name, "in": "header", "description": description, "schema": object{"type": "string"}}
}

// addRoute describes a route that a command declares, from the same binder that will serve it.
func addRoute(paths object, c *command.Command, route string) error {
	b, err := newBinder(c, route)
	if err != nil {
		return err
	}
	method, path, _, err := splitRoute(route)
	if err != nil {
		return err
	}
	parts := strings.Split("/v1"+path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	path = strings.Join(parts, "/")
	o := operation(c, c.Name+"."+strings.ToLower(method)+strconv.Itoa(slices.Index(c.Routes, route)))
	parameters := []any{}
	for i := range b.path {
		parameters = append(parameters, fieldParameter(c, b.path[i], "path"))
	}
	switch {
	case b.body != nil:
		o["requestBody"] = object{"content": object{"*/*": object{"schema": object{}}}}
	case b.hasBody && method != http.MethodDelete:
		o["requestBody"] = object{"content": content(ref(c.Name + ".request"))}
	}
	for _, name := range slices.Sorted(maps.Keys(b.query)) {
		parameters = append(parameters, fieldParameter(c, b.query[name], "query"))
	}
	if c.Kind == command.KindWrite && b.version != nil {
		parameters = append(parameters, headerParameter("If-Match", `the version in quotes that there must be; 412 otherwise`))
	}
	if c.Kind == command.KindWrite && b.absent != nil {
		parameters = append(parameters, headerParameter("If-None-Match", "*: there must be nothing; 412 otherwise"))
	}
	if len(parameters) > 0 {
		o["parameters"] = parameters
	}
	if method == http.MethodGet && newRow(c).response.Implements(rawType) {
		o["responses"].(object)["200"] = object{
			"description": "The value as it is; ETag is its version.", "content": object{"*/*": object{"schema": object{}}},
		}
	}
	addOperation(paths, path, strings.ToLower(method), o)
	return nil
}

func fieldParameter(c *command.Command, s slot, in string) object {
	p := object{"name": s.name, "in": in}
	schema := c.RequestSchema().Properties[s.field]
	if schema != nil {
		bare := *schema
		p["description"], bare.Description = bare.Description, ""
		p["schema"] = &bare
		if in == "query" && schema.Type == "array" {
			p["explode"] = false
		}
	}
	if in == "path" || slices.Contains(c.RequestSchema().Required, s.field) {
		p["required"] = true
	}
	return p
}

// addFixed describes what no command declares.
func addFixed(paths, schemas object) {
	codes := []any{}
	for _, code := range fault.Codes() {
		codes = append(codes, code.String())
	}
	text := func(description string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Description: description}
	}
	schemas["failure"] = object{
		"type": "object", "required": []any{"code", "message"},
		"properties": object{
			"code": object{"type": "string", "enum": codes}, "message": text("a sentence for people"),
			"details": object{"type": "object", "description": "facts for programs"},
		},
	}
	schemas["error"] = object{"type": "object", "required": []any{"error"}, "properties": object{"error": ref("failure")}}
	schemas["events"] = object{
		"type": "object", "required": []any{"events", "position"},
		"properties": object{
			"position": text("pass this as from in order to go on"),
			"events": object{"type": "array", "items": object{
				"type": "object", "properties": object{"position": text("the position after the event"), "event": object{}},
			}},
		},
	}
	schemas["envelope"] = object{
		"type": "object", "required": []any{"type"},
		"properties": object{
			"type":    object{"type": "string", "enum": []any{typeRequest, typeBatch}},
			"command": text("the command's name"), "payload": object{"type": "object", "description": "the command's request"},
			"request_id": text("comes back in the answer"), "namespace": text("where the command works"),
			"durability": text("at least this safe before the answer"), "idempotency_key": text("a repeat with the same key is answered as the first was"),
			"atomic":   object{"type": "boolean", "description": "of a batch: all or nothing"},
			"commands": object{"type": "array", "items": ref("envelope"), "description": "of a batch, its requests"},
		},
	}
	schemas["answer"] = object{
		"type": "object", "required": []any{"type", "status"},
		"properties": object{
			"type": text("response or batch_response"), "request_id": text("the request's"), "status": text("success or error"),
			"payload": object{"description": "the command's response"}, "error": ref("failure"),
			"results": object{"type": "array", "items": ref("answer"), "description": "of a batch, in the order of its requests"},
		},
	}
	addOperation(paths, routeCommand, "post", object{
		"operationId": "envelope", "summary": "Run a command, or a batch of commands, by name.",
		"requestBody": object{"required": true, "content": content(ref("envelope"))},
		"responses": object{
			"200":     object{"description": "The answer, or a batch's answers.", "content": content(ref("answer"))},
			"default": object{"description": "An error; its code decides the status.", "content": content(ref("answer"))},
		},
	})
	for path, summary := range map[string]string{
		routeHealth: "Whether the process is alive.", routeReady: "Whether the server can serve now.",
		routeIndex: "What is served where.", routeMetrics: "Figures for Prometheus.", routeOpenAPI: "This document.",
		routeSocket: "The envelopes both ways over a WebSocket, with any number in flight.",
	} {
		addOperation(paths, path, "get", object{"summary": summary, "responses": object{"200": object{"description": "The answer."}}})
	}
}
