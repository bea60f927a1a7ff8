package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// A tool whose declaration says so is done in two steps: a preview with a code, and the deed with that code. Where the client can ask
// the person who sits there (elicitation with a form), the second step is the person's: the code stays here, or with a client of the
// revisions without sessions as the state of its request, and the deed is the same call with the code in it, by the same caller. Everybody else
// is given the preview.
const (
	maxAskTime        = 110 * time.Second // a code is good for two minutes: who answers in time is in time for the deed
	maxAsksPerSession = 16                // questions of one session without an answer; a further call is answered with the preview

	askID       = "confirm" // what the question is called among the inputs of a request
	formField   = "confirm" // the form's only field
	maxAskValue = 200       // bytes of a value that a person is shown
)

var errNoAnswer = errors.New("nobody answered in time")

// callAsking runs a tool, and has the person confirm a preview where the client can ask.
func (s *Server) callAsking(ctx context.Context, t *tool, r *mcp.CallToolRequest) *mcp.CallToolResult {
	raw := r.Params.RawArguments
	if t.decl.Ask == nil {
		return s.call(ctx, t, raw).result()
	}
	if _, answered := r.Params.InputResponses[askID]; answered {
		return s.decide(ctx, t, raw, r.Params.RequestState, responseOf(server.ElicitationResponse(r.Params.InputResponses, askID))).result()
	}
	o := s.call(ctx, t, raw)
	code, question, ok := t.preview(raw, o.answer)
	if !ok || !canAsk(ctx) {
		return o.result()
	}
	if server.IsModernRequest(ctx) {
		return server.NewInputRequestBuilder(code).Elicit(askID, question).ToolResult()
	}
	answer, err := s.ask(ctx, question)
	switch f := (*fault.Error)(nil); {
	case err == nil:
		return s.decide(ctx, t, raw, code, answer).result()
	case errors.As(err, &f):
		return notDone(t, f).result()
	default: // the client cannot ask after all
		return o.result()
	}
}

// responseOf is what the client answered; nil is nothing that can be understood.
func responseOf(r *mcp.ElicitationResult) *mcp.ElicitationResponse {
	if r == nil {
		return nil
	}
	return &r.ElicitationResponse
}

// decide does the deed if the person wants it.
func (s *Server) decide(ctx context.Context, t *tool, raw json.RawMessage, code string, answer *mcp.ElicitationResponse) outcome {
	switch {
	case code == "":
		return notDone(t, fault.New(fault.Invalid, "the user's answer came without the requestState of the question"))
	case answer == nil:
		return notDone(t, fault.New(fault.Invalid, "the client's answer to the question was not understood"))
	case answer.Action == mcp.ElicitationResponseActionDecline:
		return notDone(t, fault.New(fault.Denied, "the user was asked, and declined"))
	case answer.Action == mcp.ElicitationResponseActionCancel:
		return notDone(t, fault.New(fault.Canceled, "the user was asked, and closed the question without an answer"))
	case answer.Action != mcp.ElicitationResponseActionAccept:
		return notDone(t, fault.New(fault.Invalid, "the client answered the question with %q", clip(string(answer.Action), maxSeenBytes)))
	}
	form, _ := answer.Content.(map[string]any)
	agreed, understood := form[formField].(bool)
	switch {
	case !understood:
		return notDone(t, fault.New(fault.Invalid, "the form came back without a true or false in %q", formField))
	case !agreed:
		return notDone(t, fault.New(fault.Denied, "the user was asked, and did not agree"))
	}
	confirmed, err := t.withCode(raw, code)
	if err != nil {
		return notDone(t, fault.From(err))
	}
	return s.call(ctx, t, confirmed)
}

// notDone tells a model that the person did not want it, or could not say so.
func notDone(t *tool, f *fault.Error) outcome {
	return outcome{fault: f, lesson: f.Code.String() + ": " + f.Message + ". Nothing was changed.\n" +
		"Next: tell the user; call " + t.name() + " again only if the user asks for it"}
}

// preview takes a preview apart: the code, and what the person is to be asked. ok is false when the answer is no preview.
func (t *tool) preview(raw, answer json.RawMessage) (code string, question mcp.ElicitationParams, ok bool) {
	var shown map[string]json.RawMessage
	if answer == nil || json.Unmarshal(answer, &shown) != nil || json.Unmarshal(shown[t.decl.Ask.Code], &code) != nil || code == "" {
		return "", question, false
	}
	if _, err := t.withCode(raw, code); err != nil {
		return "", question, false
	}
	given, _ := t.read(raw) // it was understood before
	question.Message = askedField.ReplaceAllStringFunc(t.decl.Ask.Message, func(place string) string {
		field := place[1 : len(place)-1]
		if v, ok := shown[field]; ok {
			return plainly(v)
		}
		for _, g := range given {
			if g.field == field {
				return plainly(g.value)
			}
		}
		return "nothing"
	})
	question.Mode = mcp.ElicitationModeForm
	question.RequestedSchema = askSchema
	return code, question, true
}

var askedField = regexp.MustCompile(`\{\w+\}`)

// askSchema is a form with one box to tick.
var askSchema = map[string]any{
	"type": "object", "required": []string{formField},
	"properties": map[string]any{formField: map[string]any{"type": "boolean", "title": "Do it", "default": false}},
}

// plainly writes a value for a person. Text is quoted, so that none can pass for a part of the question.
func plainly(raw json.RawMessage) string {
	var members map[string]json.RawMessage
	var text string
	switch {
	case json.Unmarshal(raw, &members) == nil:
		parts := make([]string, 0, len(members))
		for _, name := range slices.Sorted(maps.Keys(members)) {
			parts = append(parts, name+": "+clip(string(members[name]), maxAskValue))
		}
		if len(parts) == 0 {
			return "nothing"
		}
		return strings.Join(parts, ", ")
	case json.Unmarshal(raw, &text) == nil:
		return strconv.Quote(clip(text, maxAskValue))
	}
	return clip(string(raw), maxAskValue)
}

// withCode is the arguments with the code among them, in place of an empty one.
func (t *tool) withCode(raw json.RawMessage, code string) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, fault.New(fault.Invalid, "the arguments are not a JSON object")
	}
	name := ""
	for spelling := range members {
		if a := t.find(spelling); a != nil && a.field == t.decl.Ask.Code {
			delete(members, spelling)
		}
	}
	for _, a := range t.args {
		if a.field == t.decl.Ask.Code {
			name = a.name
		}
	}
	text, err := encode(code)
	if err != nil || name == "" {
		return nil, fault.New(fault.Unsupported, "%s takes no code", t.name())
	}
	members[name] = text
	return encode(members)
}

// canAsk reports whether the client said that it can show a form.
func canAsk(ctx context.Context) bool {
	var c *mcp.ElicitationCapability
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		if info.ClientCapabilities != nil {
			c = info.ClientCapabilities.Elicitation
		}
	} else if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		c = session.GetClientCapabilities().Elicitation
	}
	return c != nil && (c.Form != nil || c.URL == nil) // a client that says no more than that it can, can show forms
}

// asking counts the questions of sessions that have no answer yet.
type asking struct {
	mu        sync.Mutex
	bySession map[string]int
}

func newAsking() *asking { return &asking{bySession: map[string]int{}} }

// begin counts a question in, unless the session has too many.
func (a *asking) begin(session string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bySession[session] >= maxAsksPerSession {
		return false
	}
	a.bySession[session]++
	return true
}

func (a *asking) end(session string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.bySession[session]--; a.bySession[session] == 0 {
		delete(a.bySession, session)
	}
}

// count is how many questions have no answer.
func (a *asking) count() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.bySession {
		n += m
	}
	return n
}

// ask asks the client of a session, and waits for the answer until the time is over, the request is cancelled, the session ends, the
// caller is nobody any more or the door closes; these are faults. Any other error says that the client could not be asked.
func (s *Server) ask(ctx context.Context, question mcp.ElicitationParams) (*mcp.ElicitationResponse, error) {
	session := server.ClientSessionFromContext(ctx).SessionID()
	if !s.asking.begin(session) {
		return nil, errTooManyAsks
	}
	defer s.asking.end(session)
	ctx, stop := context.WithTimeoutCause(ctx, maxAskTime, errNoAnswer)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	defer context.AfterFunc(s.calls, func() { cancel(errStopping) })()
	defer auth.FromContext(ctx).OnEnd(func(why error) { cancel(why) })()
	_, gone := s.sessions.outbox(session) // nil of a pipe, whose requests end with it
	watch.Go(func() {
		select {
		case <-gone:
			cancel(errNoSession)
		case <-ctx.Done():
		}
	})
	answer, err := s.library.RequestElicitation(ctx, mcp.ElicitationRequest{Params: question})
	if err == nil {
		return responseOf(answer), nil
	}
	why := context.Cause(ctx)
	if why == nil {
		return nil, err
	}
	withdraw(ctx, why)
	switch {
	case errors.Is(why, errNoAnswer):
		return nil, fault.New(fault.Timeout, "the user was asked, and did not answer within %v", maxAskTime)
	case errors.Is(why, errStopping):
		return nil, fault.Wrap(fault.Unavailable, why, "the server is stopping")
	case errors.Is(why, context.Canceled), errors.Is(why, errNoSession):
		return nil, fault.Wrap(fault.Canceled, why, "the call ended before the user answered")
	default:
		return nil, fault.From(why)
	}
}

var errTooManyAsks = fmt.Errorf("a session may have %d questions without an answer", maxAsksPerSession)
