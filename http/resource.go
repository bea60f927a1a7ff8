package http

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// serveResource serves a route that a command declares.
func (d *Door) serveResource(b *binder) handler {
	c, w := b.command, d.rows[b.command]
	return func(x *exchange) error {
		args, err := b.bind(d, x)
		if err != nil {
			return err
		}
		r := x.request(c)
		r.Args = args
		if c.Kind == command.KindWatch && streamOf(x.r) != noStream {
			return d.follow(x, r)
		}
		conditional := false
		if c.Kind == command.KindWrite {
			if conditional, err = b.preconditions(x.r, reflect.ValueOf(args).Elem()); err != nil {
				return err
			}
		}
		resp, err := d.run(x.r.Context(), r)
		if err != nil {
			return x.unmet(conditional, err)
		}
		if raw, ok := resp.(rawAnswer); ok && !b.hasBody {
			return x.answerRaw(b, raw)
		}
		version, written := w.receiptOf(resp)
		if written && version != 0 {
			x.w.Header()["Etag"] = []string{etag(version)}
		}
		status := http.StatusOK
		if conditional && written && version == 0 {
			status = http.StatusPreconditionFailed // nothing was changed: the answer says what was found instead
		}
		return x.answer(status, answerCodec(x.r), resp)
	}
}

// unmet answers 412 when it was a header's precondition that failed.
func (x *exchange) unmet(conditional bool, err error) error {
	switch fault.CodeOf(err) {
	case fault.Conflict, fault.AlreadyExists, fault.NotFound:
		if conditional {
			return x.failAs(http.StatusPreconditionFailed, err)
		}
	}
	return err
}

// preconditions turns If-Match and If-None-Match into the request's own fields. A precondition that the
// command cannot check is refused: to ignore one does harm in silence.
func (b *binder) preconditions(r *http.Request, v reflect.Value) (used bool, err error) {
	match, noneMatch := first(r.Header, "If-Match"), first(r.Header, "If-None-Match")
	set := func(s *slot, header, text string) error {
		if s == nil {
			return fault.New(fault.Invalid, "%s cannot check %s: %s", b.command.Name, header, clip(r.Header.Get(header)))
		}
		used = true
		return s.assign(v.FieldByIndex(s.index), text)
	}
	switch match {
	case "":
	case "*":
		err = set(b.present, "If-Match", "true")
	default:
		version, ok := parseETag(match)
		if !ok {
			return false, fault.New(fault.Invalid, `If-Match: %s is not a version in quotes, such as "17"`, clip(match))
		}
		err = set(b.version, "If-Match", strconv.FormatUint(version, 10))
	}
	if err != nil || noneMatch == "" {
		return used, err
	}
	if noneMatch != "*" {
		return false, fault.New(fault.Invalid, "If-None-Match of a write is * and nothing else")
	}
	return used, set(b.absent, "If-None-Match", "true")
}

func etag(version uint64) string {
	b := make([]byte, 0, 24)
	b = append(b, '"')
	b = strconv.AppendUint(b, version, 10)
	return string(append(b, '"'))
}

func parseETag(tag string) (version uint64, ok bool) {
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return 0, false
	}
	version, err := strconv.ParseUint(tag[1:len(tag)-1], 10, 64)
	return version, err == nil
}

// Header values that raw answers share; they are never changed.
var (
	rawTypes = [...][]string{
		value.Text:  {value.OfText("").ContentType()},
		value.JSON:  {"application/json"},
		value.Bytes: {"application/octet-stream"},
	}
	noSniff = []string{"nosniff"} // a stored page must not run as one; browsers never take text or JSON for a page
)

// answerRaw answers with the value as it is.
func (x *exchange) answerRaw(b *binder, resp rawAnswer) error {
	v, found, version := resp.Raw()
	if !found {
		return fault.New(fault.NotFound, "%s finds no value at %s", b.command.Name, clip(x.r.URL.Path))
	}
	h := x.w.Header()
	if version != 0 {
		tag := etag(version)
		h["Etag"] = []string{tag}
		if match := first(x.r.Header, "If-Match"); match != "" && !lists(match, tag) {
			return x.failAs(http.StatusPreconditionFailed, fault.New(fault.Conflict, "the version is %d", version).With("version", version))
		}
		if match := first(x.r.Header, "If-None-Match"); match != "" && lists(match, tag) {
			x.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h["Content-Type"] = rawTypes[v.Kind()]
	if v.Kind() == value.Bytes {
		h["X-Content-Type-Options"] = noSniff
	}
	if v.Len() > compressAbove && v.Kind() != value.Bytes {
		x.send(http.StatusOK, []byte(v.Data()))
	} else {
		x.sendText(v.Data())
	}
	return nil
}

// lists reports whether a list of entity tags, or "*", covers this one. Weak tags compare like strong ones.
func lists(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" || part == tag {
			return true
		}
	}
	return false
}
