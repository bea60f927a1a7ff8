package mcp

import (
	"context"
	"log/slog"

	"github.com/sirupsen/logrus"
)

// bridge carries mcp-go's log records to ours. What mcp-go calls information is for debugging here.
type bridge struct {
	log *logrus.Entry
}

func slogTo(log *logrus.Logger) *slog.Logger {
	return slog.New(bridge{log.WithField("library", "mcp-go")})
}

func (b bridge) level(l slog.Level) logrus.Level {
	switch {
	case l >= slog.LevelError:
		return logrus.ErrorLevel
	case l >= slog.LevelWarn:
		return logrus.WarnLevel
	}
	return logrus.DebugLevel
}

// Enabled implements slog.Handler.
func (b bridge) Enabled(_ context.Context, l slog.Level) bool {
	return b.log.Logger.IsLevelEnabled(b.level(l))
}

// Handle implements slog.Handler.
func (b bridge) Handle(_ context.Context, r slog.Record) error {
	entry := b.log
	r.Attrs(func(a slog.Attr) bool {
		entry = entry.WithField(a.Key, a.Value.Any())
		return true
	})
	entry.Log(b.level(r.Level), r.Message)
	return nil
}

// WithAttrs implements slog.Handler.
func (b bridge) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		b.log = b.log.WithField(a.Key, a.Value.Any())
	}
	return b
}

// WithGroup implements slog.Handler; groups are flattened.
func (b bridge) WithGroup(string) slog.Handler { return b }
