package pubsub

import (
	"strings"
	"unicode/utf8"

	"github.com/hivellm/synap-go/core/fault"
)

// Limits of topics and patterns.
const (
	MaxTopicBytes = 512
	MaxLevels     = 32
)

// CheckTopic refuses what cannot be a topic: levels separated by dots, none of them empty, no wildcards.
func CheckTopic(topic string) error {
	levels, err := split("topic", topic)
	if err != nil {
		return err
	}
	for _, level := range levels {
		if strings.ContainsAny(level, "*#") {
			return fault.New(fault.Invalid, "topic %q: a message goes to one topic; %q is for patterns", topic, level)
		}
	}
	return nil
}

// CheckPattern refuses what cannot be a pattern: a topic in which a level may be * (exactly one level, whatever
// it is) and the last one # (any number of levels, none included).
func CheckPattern(pattern string) error {
	levels, err := split("pattern", pattern)
	if err != nil {
		return err
	}
	for i, level := range levels {
		switch {
		case level == "*":
		case level == "#" && i < len(levels)-1:
			return fault.New(fault.Invalid, "pattern %q: # stands for all levels that follow, so it is the last one", pattern)
		case level == "#":
		case strings.ContainsAny(level, "*#"):
			return fault.New(fault.Invalid, "pattern %q: a wildcard is a level of its own, not a part of %q", pattern, level)
		}
	}
	return nil
}

// split returns the levels of a topic or a pattern.
func split(what, name string) ([]string, error) {
	switch {
	case name == "":
		return nil, fault.New(fault.Invalid, "the %s is empty", what)
	case len(name) > MaxTopicBytes:
		return nil, fault.New(fault.TooLarge, "the %s is %d bytes long; at most %d are allowed", what, len(name), MaxTopicBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
		return nil, fault.New(fault.Invalid, "%s %q: only printable UTF-8 is allowed", what, name)
	}
	levels := strings.Split(name, ".")
	if len(levels) > MaxLevels {
		return nil, fault.New(fault.TooLarge, "%s %q has %d levels; at most %d are allowed", what, name, len(levels), MaxLevels)
	}
	for i, level := range levels {
		if level == "" {
			return nil, fault.New(fault.Invalid, "%s %q: level %d is empty", what, name, i+1)
		}
	}
	return levels, nil
}

// Match reports whether the pattern matches the topic; both have been checked.
func Match(pattern, topic string) bool {
	for {
		level, rest, more := strings.Cut(pattern, ".")
		if level == "#" {
			return true
		}
		have, left, moreTopic := strings.Cut(topic, ".")
		if level != "*" && level != have {
			return false
		}
		if !more || !moreTopic {
			// "a.#" matches "a": # may stand for nothing.
			return more == moreTopic || (more && rest == "#")
		}
		pattern, topic = rest, left
	}
}

// literal returns what every topic that the pattern matches begins with.
func literal(pattern string) string {
	if i := strings.IndexAny(pattern, "*#"); i >= 0 {
		return strings.TrimSuffix(pattern[:i], ".")
	}
	return pattern
}
