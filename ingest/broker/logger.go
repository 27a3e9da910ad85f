package broker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// logger hands the server's own messages on: what it calls notices are debug messages here. The
// server tells nobody else that it could not write and has given up, so sick is told from here.
type logger struct {
	log  *slog.Logger
	sick chan<- struct{}
}

// failedWrites are in the messages of a server that has given up writing.
var failedWrites = []string{"ritical write error", "failed to store a msg", "JetStream out of", "will be DISABLED"}

func (l logger) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l logger) Warnf(format string, v ...any)   { l.say(slog.LevelDebug, format, v) }
func (l logger) Fatalf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
func (l logger) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l logger) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }

func (l logger) say(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, "broker", "message", fmt.Sprintf(format, v...))
}

func (l logger) Errorf(format string, v ...any) {
	l.say(slog.LevelError, format, v)
	text := fmt.Sprintf(format, v...)
	if slices.ContainsFunc(failedWrites, func(part string) bool { return strings.Contains(text, part) }) {
		select {
		case l.sick <- struct{}{}:
		default: // it is known already
		}
	}
}
