package mcp

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/hivellm/synap-go/core/auth"
)

// sessionParameter is where a client of the older transport says which stream its message belongs to.
const sessionParameter = "sessionId"

// SSEHandler serves the transport of revision 2024-11-05, for clients that know no other: a GET opens a stream, whose first event
// is the address to POST messages to, and what they are answered with comes over the stream. It is to be mounted behind
// the same front as Handler, with the same ?profile= and ?agent= on the GET. Beyond how messages travel a stream is what a pipe
// is: it has the same calls in progress at most, is told the same, and all that it began ends with it.
//
// mcp-go has this transport too; there, calls outlive their client, as many as it likes at once, and any website may listen.
func (s *Server) SSEHandler() http.Handler { return s.counted(s.serveSSE) }

// lines are the streams that are open, and whose each one is.
type lines struct {
	mu    sync.Mutex
	byID  map[string]*eventLine
	owned map[string]int // how many each principal has
}

// eventLine is one stream.
type eventLine struct {
	*pipe
	owner   string
	profile string          // that the client asked for
	calls   context.Context // what its messages run in: the stream's caller and end
	posts   sync.WaitGroup  // messages on their way in; added to with lines.mu held while the stream is in lines.byID
}

func newLines() *lines { return &lines{byID: map[string]*eventLine{}, owned: map[string]int{}} }

// add opens a stream, unless there are too many.
func (ls *lines) add(l *eventLine) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.byID) >= maxSessions || ls.owned[l.owner] >= maxSessionsPerPrincipal {
		return false
	}
	ls.byID[l.id] = l
	ls.owned[l.owner]++
	return true
}

// remove closes a stream to further messages, and returns when none is on its way in.
func (ls *lines) remove(l *eventLine) {
	ls.mu.Lock()
	delete(ls.byID, l.id)
	if ls.owned[l.owner]--; ls.owned[l.owner] == 0 {
		delete(ls.owned, l.owner)
	}
	ls.mu.Unlock()
	l.posts.Wait()
}

// use counts a message in; l.posts.Done counts it out. nil is that there is no such stream of that owner.
func (ls *lines) use(id, owner string) *eventLine {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.byID[id]
	if l == nil || l.owner != owner {
		return nil
	}
	l.posts.Add(1)
	return l
}

// count is how many streams are open.
func (ls *lines) count() int {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.byID)
}

func (s *Server) serveSSE(w http.ResponseWriter, r *http.Request) {
	id := auth.FromContext(r.Context())
	switch {
	case id == nil:
		w.Header().Set("WWW-Authenticate", `Bearer realm="synap"`)
		refuse(w, http.StatusUnauthorized, "who is calling is not known: send a credential")
	case r.Method == http.MethodGet:
		if no := s.openSSE(w, r, id); no != nil {
			refuse(w, no.status, no.message)
		}
	case r.Method == http.MethodPost:
		if no := s.postSSE(w, r, id); no != nil {
			refuse(w, no.status, no.message)
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		refuse(w, http.StatusMethodNotAllowed, r.Method+" is not a method of this endpoint")
	}
}

// openSSE is a stream, from its GET until the client or the server ends it. It returns why there is none.
func (s *Server) openSSE(w http.ResponseWriter, r *http.Request, id *auth.Identity) *refusal {
	query := r.URL.Query()
	p, err := s.catalog.profileFor(id, query.Get("profile"))
	if err == nil {
		id, err = asAgent(id, r, query, "")
	}
	if err != nil {
		return &refusal{statusOf(err), err.Error()}
	}
	_, release, no := s.reserve(r.Context(), id)
	if no != nil {
		return no
	}
	defer release()
	ctx, cancel := context.WithCancelCause(auth.NewContext(withProfile(r.Context(), p), id))
	defer cancel(nil)
	defer context.AfterFunc(s.calls, func() { cancel(errStopping) })()
	defer id.OnEnd(func(why error) { cancel(why) })() // nobody may listen who is nobody any more
	out := newStream(w)
	defer out.close()
	l := &eventLine{owner: id.Name, profile: query.Get("profile"), pipe: s.newPipe(id, eventWriter{out}, func() { cancel(nil) })}
	l.calls = ctx
	if !s.lines.add(l) {
		return &refusal{http.StatusServiceUnavailable, "there are too many open streams: close one first"}
	}
	if err := s.library.RegisterSession(ctx, l.pipe); err != nil {
		s.lines.remove(l)
		return &refusal{http.StatusInternalServerError, "the stream cannot be opened"}
	}
	defer s.library.UnregisterSession(context.WithoutCancel(ctx), l.id)
	defer s.follows.end(l.id)
	out.Header().Set("Content-Type", "text/event-stream")
	out.Header().Set("Cache-Control", "no-cache")
	out.WriteHeader(http.StatusOK)
	_, _ = fmt.Fprintf(out, "event: endpoint\ndata: %s?%s=%s\n\n", r.URL.EscapedPath(), sessionParameter, l.id) // a client that is gone shows below
	out.Flush()
	var notifier sync.WaitGroup
	notifier.Go(func() { l.notify(ctx) })
	<-ctx.Done()
	s.lines.remove(l)
	l.finish(&notifier)
	return nil
}

// postSSE takes a message in. What it is answered with comes over the stream, so 202 says only that it has come.
func (s *Server) postSSE(w http.ResponseWriter, r *http.Request, id *auth.Identity) *refusal {
	body, no := readBody(w, r)
	if no != nil {
		return no
	}
	l := s.lines.use(r.URL.Query().Get(sessionParameter), id.Name)
	if l == nil {
		return &refusal{http.StatusNotFound, errNoSession.Error() + ": open a stream with GET, and post to the address that it begins with"}
	}
	defer l.posts.Done()
	p, err := s.catalog.profileFor(id, l.profile) // the key may be for another one by now
	if err != nil {
		return &refusal{statusOf(err), err.Error()}
	}
	w.WriteHeader(http.StatusAccepted)
	_ = http.NewResponseController(w).Flush() // who is gone needs no answer
	l.handle(withProfile(l.calls, p), line{text: body})
	return nil
}

// eventWriter writes each message as an event. A message is one line.
type eventWriter struct{ out *stream }

// Write implements io.Writer.
func (w eventWriter) Write(message []byte) (int, error) {
	event := make([]byte, 0, len(message)+len("event: message\ndata: \n\n"))
	event = append(append(append(event, "event: message\ndata: "...), bytes.TrimSuffix(message, []byte("\n"))...), eventEnd...)
	if _, err := w.out.Write(event); err != nil {
		return 0, err
	}
	w.out.Flush()
	return len(message), nil
}
