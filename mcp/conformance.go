//go:build conformance

package mcp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// The names and texts here are those that the conformance suite asks for.

func init() {
	extension.options = []server.ServerOption{
		server.WithToolCapabilities(true), server.WithPromptCapabilities(true), server.WithResourceCapabilities(true, true),
		server.WithLogging(), server.WithElicitation(), server.WithRoots(),
	}
	extension.owns = func(uri string) bool { return strings.HasPrefix(uri, "test://") }
	extension.add = func(library *server.MCPServer) {
		library.EnableSampling()
		f := &fixture{library}
		f.content()
		f.talking()
		f.asking()
		f.resources()
		f.prompts()
		f.rounds()
	}
}

const (
	onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	silence  = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
)

type fixture struct{ *server.MCPServer }

type call = mcp.CallToolRequest

func (f *fixture) tool(name string, h server.ToolHandlerFunc, options ...mcp.ToolOption) {
	t := mcp.NewTool(name, append(options, mcp.WithDescription("A tool of the conformance suite: "+name+"."))...)
	extension.tools = append(extension.tools, t)
	f.AddTool(t, h)
}

// says is a tool that answers the same always.
func (f *fixture) says(name string, content ...mcp.Content) {
	f.tool(name, func(context.Context, call) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: content}, nil
	})
}

func (f *fixture) content() {
	extension.tools = nil
	f.says("test_simple_text", mcp.NewTextContent("This is a simple text response for testing."))
	f.says("test_image_content", mcp.NewImageContent(onePixel, "image/png"))
	f.says("test_audio_content", mcp.NewAudioContent(silence, "audio/wav"))
	f.says("test_embedded_resource", mcp.NewEmbeddedResource(mcp.TextResourceContents{
		URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content."}))
	f.says("test_multiple_content_types", mcp.NewTextContent("Multiple content types test:"), mcp.NewImageContent(onePixel, "image/png"),
		mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`}))
	f.tool("test_error_handling", func(context.Context, call) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("This tool intentionally returns an error for testing"), nil
	})
	schema := mcp.NewToolWithRawSchema("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", json.RawMessage(`{
		"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
		"$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},
		"properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},
			"contactMethod":{"type":"string","enum":["phone","email"]},"phone":{"type":"string"},"email":{"type":"string"}},
		"allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],
		"if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},
		"then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false}`))
	extension.tools = append(extension.tools, schema)
	f.AddTool(schema, func(_ context.Context, r call) (*mcp.CallToolResult, error) { return mcp.NewToolResultText("ok"), nil })
}

// talking are the tools that notify while they run.
func (f *fixture) talking() {
	f.tool("test_tool_with_logging", func(ctx context.Context, _ call) (*mcp.CallToolResult, error) {
		for _, text := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
			if err := f.SendNotificationToClient(ctx, "notifications/message", map[string]any{"level": "info", "logger": "synap", "data": text}); err != nil {
				return nil, err
			}
			time.Sleep(50 * time.Millisecond)
		}
		return mcp.NewToolResultText("Tool with logging executed successfully"), nil
	})
	f.tool("test_tool_with_progress", func(ctx context.Context, r call) (*mcp.CallToolResult, error) {
		if r.Params.Meta == nil || r.Params.Meta.ProgressToken == nil {
			return mcp.NewToolResultText("no progress was asked for"), nil
		}
		for _, progress := range []int{0, 50, 100} {
			err := f.SendNotificationToClient(ctx, "notifications/progress", map[string]any{
				"progressToken": r.Params.Meta.ProgressToken, "progress": progress, "total": 100})
			if err != nil {
				return nil, err
			}
			time.Sleep(50 * time.Millisecond)
		}
		return mcp.NewToolResultText("progress reported"), nil
	})
	f.says("test_logging_tool", mcp.NewTextContent("nothing is logged unless it is asked for"))
	f.says("test_reconnection", mcp.NewTextContent("Reconnection test completed"))
	f.tool("test_trigger_tool_change", func(context.Context, call) (*mcp.CallToolResult, error) {
		f.SendNotificationToAllClients(mcp.MethodNotificationToolsListChanged, nil)
		return mcp.NewToolResultText("changed"), nil
	})
	f.tool("test_trigger_prompt_change", func(context.Context, call) (*mcp.CallToolResult, error) {
		f.SendNotificationToAllClients(mcp.MethodNotificationPromptsListChanged, nil)
		return mcp.NewToolResultText("changed"), nil
	})
}

func object(properties string, required ...string) json.RawMessage {
	if required == nil {
		required = []string{}
	}
	list, _ := json.Marshal(required)
	return json.RawMessage(`{"type":"object","properties":` + properties + `,"required":` + string(list) + `}`)
}

// asking are the tools that ask the client of the revisions with sessions.
func (f *fixture) asking() {
	f.tool("test_sampling", func(ctx context.Context, r call) (*mcp.CallToolResult, error) {
		got, err := f.RequestSampling(ctx, mcp.CreateMessageRequest{
			Request: mcp.Request{Method: string(mcp.MethodSamplingCreateMessage)},
			CreateMessageParams: mcp.CreateMessageParams{
				Messages:  []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(r.GetString("prompt", ""))}},
				MaxTokens: 100,
			},
		})
		if err != nil {
			return mcp.NewToolResultError(err.Error()), nil
		}
		text, _ := got.Content.(mcp.TextContent)
		return mcp.NewToolResultText("LLM response: " + text.Text), nil
	}, mcp.WithString("prompt", mcp.Required(), mcp.Description("What to ask the model.")))
	elicit := func(name, message string, schema json.RawMessage) {
		f.tool(name, func(ctx context.Context, r call) (*mcp.CallToolResult, error) {
			got, err := f.RequestElicitation(ctx, mcp.ElicitationRequest{
				Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)},
				Params:  mcp.ElicitationParams{Message: r.GetString("message", message), RequestedSchema: schema},
			})
			if err != nil {
				return mcp.NewToolResultError(err.Error()), nil
			}
			return mcp.NewToolResultText(fmt.Sprintf("Elicitation completed: action=%s, content=%v", got.Action, got.Content)), nil
		}, mcp.WithString("message", mcp.Description("What to show to the user.")))
	}
	elicit("test_elicitation", "Who are you?", object(`{"username":{"type":"string"},"email":{"type":"string"}}`, "username", "email"))
	elicit("test_elicitation_sep1034_defaults", "Provide your information", object(`{"name":{"type":"string","default":"John Doe"},
		"age":{"type":"integer","default":30},"score":{"type":"number","default":95.5},
		"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},"verified":{"type":"boolean","default":true}}`))
	elicit("test_elicitation_sep1330_enums", "Select options", object(`{"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
		"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"}]},
		"legacyEnum":{"type":"string","enum":["opt1","opt2"],"enumNames":["Option One","Option Two"]},
		"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2"]}},
		"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"}]}}}`))
}

func (f *fixture) resources() {
	text := func(uri, mime, body string) server.ResourceHandlerFunc {
		return func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, MIMEType: mime, Text: body}}, nil
		}
	}
	add := func(uri, name, mime string, h server.ResourceHandlerFunc) {
		f.AddResource(mcp.NewResource(uri, name, mcp.WithResourceDescription("A resource of the conformance suite."), mcp.WithMIMEType(mime)), h)
	}
	add("test://static-text", "static_text", "text/plain", text("test://static-text", "text/plain", "This is the content of the static text resource."))
	add("test://watched-resource", "watched", "text/plain", text("test://watched-resource", "text/plain", "Watched resource content"))
	add("test://static-binary", "static_binary", "image/png", func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return []mcp.ResourceContents{mcp.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: onePixel}}, nil
	})
	f.AddResourceTemplate(mcp.NewResourceTemplate("test://template/{id}/data", "template", mcp.WithTemplateDescription("A template of the conformance suite."),
		mcp.WithTemplateMIMEType("application/json")), func(_ context.Context, r mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		id := strings.TrimSuffix(strings.TrimPrefix(r.Params.URI, "test://template/"), "/data")
		return []mcp.ResourceContents{mcp.TextResourceContents{URI: r.Params.URI, MIMEType: "application/json",
			Text: fmt.Sprintf(`{"id":%q,"templateTest":true,"data":"Data for ID: %s"}`, id, id)}}, nil
	})
}

func (f *fixture) prompts() {
	add := func(name string, h func(args map[string]string) []mcp.Content, args ...string) {
		p := mcp.Prompt{Name: name, Description: "A prompt of the conformance suite."}
		for _, a := range args {
			p.Arguments = append(p.Arguments, mcp.PromptArgument{Name: a, Description: "An argument.", Required: true})
		}
		f.AddPrompt(p, func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			result := &mcp.GetPromptResult{}
			for _, c := range h(r.Params.Arguments) {
				result.Messages = append(result.Messages, mcp.NewPromptMessage(mcp.RoleUser, c))
			}
			return result, nil
		})
	}
	add("test_simple_prompt", func(map[string]string) []mcp.Content {
		return []mcp.Content{mcp.NewTextContent("This is a simple prompt for testing.")}
	})
	add("test_prompt_with_arguments", func(a map[string]string) []mcp.Content {
		return []mcp.Content{mcp.NewTextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", a["arg1"], a["arg2"]))}
	}, "arg1", "arg2")
	add("test_prompt_with_embedded_resource", func(a map[string]string) []mcp.Content {
		return []mcp.Content{
			mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: a["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing."}),
			mcp.NewTextContent("Please process the embedded resource above."),
		}
	}, "resourceUri")
	add("test_prompt_with_image", func(map[string]string) []mcp.Content {
		return []mcp.Content{mcp.NewImageContent(onePixel, "image/png"), mcp.NewTextContent("Please analyze the image above.")}
	})
}

// seal protects the state that a client carries to and fro; unseal reports whether it is as it was made.
func seal(state string) string {
	mac := hmac.New(sha256.New, []byte(rpcMark))
	mac.Write([]byte(state))
	return state + "." + hex.EncodeToString(mac.Sum(nil))
}

func unseal(sealed string) (state string, ok bool) {
	state, _, _ = strings.Cut(sealed, ".")
	return state, hmac.Equal([]byte(sealed), []byte(seal(state)))
}

func ask(message, properties string, required ...string) mcp.ElicitationParams {
	return mcp.ElicitationParams{Message: message, RequestedSchema: object(properties, required...)}
}

func sample(text string, tokens int) mcp.CreateMessageParams {
	return mcp.CreateMessageParams{Messages: []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(text)}}, MaxTokens: tokens}
}

// answered is what the user said to an elicitation; ok is false when that is not what was asked for.
func answered(r mcp.InputResponses, id, field string) (said any, ok bool) {
	got := server.ElicitationResponse(r, id)
	if got == nil {
		return nil, false
	}
	content, _ := got.Content.(map[string]any)
	said, ok = content[field]
	return said, ok
}

func done(format string, args ...any) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(fmt.Sprintf(format, args...)), nil
}

var tampered = &rpcFault{Code: mcp.INVALID_PARAMS, Message: "the state is not the one that was given out"}

// rounds are the tools that ask the client of the revisions without sessions, by several requests.
func (f *fixture) rounds() {
	name := ask("What is your name?", `{"name":{"type":"string"}}`, "name")
	f.tool("test_input_required_result_elicitation", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		if said, ok := answered(r.Params.InputResponses, "user_name", "name"); ok {
			return done("Hello, %v!", said)
		}
		return server.NewInputRequestBuilder("").Elicit("user_name", name).ToolResult(), nil
	})
	f.tool("test_input_required_result_sampling", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		if got := server.SamplingResponse(r.Params.InputResponses, "capital_question"); got != nil {
			return done("The model said: %v", got.Content)
		}
		return server.NewInputRequestBuilder("").Sample("capital_question", sample("What is the capital of France?", 100)).ToolResult(), nil
	})
	f.tool("test_input_required_result_list_roots", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		if got := server.RootsResponse(r.Params.InputResponses, "client_roots"); got != nil {
			return done("The roots are %v", got.Roots)
		}
		return server.NewInputRequestBuilder("").Roots("client_roots").ToolResult(), nil
	})
	confirmed := func(answer string) server.ToolHandlerFunc {
		return func(_ context.Context, r call) (*mcp.CallToolResult, error) {
			if r.Params.RequestState != "" {
				if _, ok := unseal(r.Params.RequestState); !ok {
					return nil, tampered
				}
				if _, ok := answered(r.Params.InputResponses, "confirm", "ok"); ok {
					return done("%s", answer)
				}
			}
			return server.NewInputRequestBuilder(seal("confirm")).Elicit("confirm", ask("Please confirm", `{"ok":{"type":"boolean"}}`, "ok")).ToolResult(), nil
		}
	}
	f.tool("test_input_required_result_request_state", confirmed("state-ok"))
	f.tool("test_input_required_result_tampered_state", confirmed("state-ok"))
	f.tool("test_input_required_result_multiple_inputs", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		said, ok := answered(r.Params.InputResponses, "user_name", "name")
		greeting, roots := server.SamplingResponse(r.Params.InputResponses, "greeting"), server.RootsResponse(r.Params.InputResponses, "client_roots")
		if ok && greeting != nil && roots != nil {
			return done("%v, %v: %v", greeting.Content, said, roots.Roots)
		}
		return server.NewInputRequestBuilder(seal("several")).Elicit("user_name", name).Sample("greeting", sample("Generate a greeting", 50)).
			Roots("client_roots").ToolResult(), nil
	})
	f.tool("test_input_required_result_multi_round", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		state, ok := unseal(r.Params.RequestState)
		if r.Params.RequestState != "" && !ok {
			return nil, tampered
		}
		if said, ok := answered(r.Params.InputResponses, "step2", "color"); ok && strings.HasPrefix(state, "second") {
			return done("%s likes %v", strings.TrimPrefix(state, "second "), said)
		}
		if said, ok := answered(r.Params.InputResponses, "step1", "name"); ok && state == "first" {
			return server.NewInputRequestBuilder(seal(fmt.Sprint("second ", said))).
				Elicit("step2", ask("Step 2: What is your favorite color?", `{"color":{"type":"string"}}`, "color")).ToolResult(), nil
		}
		return server.NewInputRequestBuilder(seal("first")).Elicit("step1", ask("Step 1: What is your name?", `{"name":{"type":"string"}}`, "name")).ToolResult(), nil
	})
	f.tool("test_input_required_result_capabilities", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		if len(r.Params.InputResponses) > 0 {
			return done("thank you")
		}
		b := server.NewInputRequestBuilder(seal("capabilities"))
		if declares(r, "elicitation") {
			b.Elicit("user_name", name)
		}
		if declares(r, "sampling") {
			b.Sample("greeting", sample("Generate a greeting", 50))
		}
		return b.ToolResult(), nil
	})
	f.tool("test_streaming_elicitation", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		if said, ok := answered(r.Params.InputResponses, "user_name", "name"); ok {
			return done("Hello, %v!", said)
		}
		return server.NewInputRequestBuilder("").Elicit("user_name", name).ToolResult(), nil
	})
	f.tool("test_missing_capability", func(_ context.Context, r call) (*mcp.CallToolResult, error) {
		if !declares(r, "sampling") {
			return nil, &rpcFault{Code: codeMissingCapability, Message: "this tool needs a client that samples",
				Data: map[string]any{"requiredCapabilities": map[string]any{"sampling": map[string]any{}}}}
		}
		return done("the client samples")
	})
	p := mcp.Prompt{Name: "test_input_required_result_prompt", Description: "A prompt of the conformance suite that asks back."}
	f.AddPrompt(p, func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		if said, ok := answered(r.Params.InputResponses, "user_context", "context"); ok {
			return mcp.NewGetPromptResult("with context", []mcp.PromptMessage{mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(fmt.Sprint("Use this context: ", said)))}), nil
		}
		return server.NewInputRequestBuilder("").Elicit("user_context", ask("What context should the prompt use?", `{"context":{"type":"string"}}`, "context")).PromptResult(), nil
	})
}

// declares reports whether the client of a request says that it has the capability.
func declares(r call, capability string) bool {
	if r.Params.Meta == nil {
		return false
	}
	text, err := json.Marshal(r.Params.Meta)
	if err != nil {
		return false
	}
	var meta struct {
		Capabilities map[string]json.RawMessage `json:"io.modelcontextprotocol/clientCapabilities"`
	}
	if json.Unmarshal(text, &meta) != nil {
		return false
	}
	_, ok := meta.Capabilities[capability]
	return ok
}
