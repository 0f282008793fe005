package logs

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"io"
	"time"
)

// colours are those of processes, in the order of a terminal's palette: cyan,
// yellow, green, magenta, blue, and the bright ones.
var colours = []string{"\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[96m", "\x1b[93m", "\x1b[92m", "\x1b[95m", "\x1b[94m"}

const reset = "\x1b[0m"

// Coloured is a sink for a terminal, where each process has a colour of its own.
// A line that a process leaves in a colour does not colour those of others.
func Coloured(to io.Writer) Sink { return translated{to, colour} }

// JSON is a sink for programs: an object for each line.
func JSON(to io.Writer) Sink { return translated{to, object} }

// translated is a sink that shows lines in another form.
type translated struct {
	to   io.Writer
	form func(out []byte, line Line) []byte
}

func (t translated) Write(lines []byte) (int, error) {
	var out []byte
	for line := range bytes.Lines(lines) {
		if parsed, ok := Parse(line); ok {
			out = t.form(out, parsed)
		} else {
			out = append(out, line...)
		}
	}
	if _, err := t.to.Write(out); err != nil {
		return 0, err
	}
	return len(lines), nil
}

func colour(out []byte, line Line) []byte {
	hash := fnv.New32a()
	// It takes everything (hash.Hash).
	_, _ = hash.Write([]byte(line.Process))
	out = append(out, colours[hash.Sum32()%uint32(len(colours))]...)
	out = line.Time.AppendFormat(out, TimeFormat)
	out = append(out, ' ')
	out = append(out, line.Source...)
	out = append(out, '[')
	out = append(out, line.Process...)
	out = append(out, "]:"...)
	out = append(out, reset...)
	out = append(out, ' ')
	out = append(out, line.Text...)
	if bytes.IndexByte(line.Text, '\x1b') >= 0 {
		out = append(out, reset...)
	}
	return append(out, '\n')
}

func object(out []byte, line Line) []byte {
	text, err := json.Marshal(struct {
		Time    time.Time `json:"time"`
		Source  string    `json:"source"`
		Process string    `json:"process"`
		Text    string    `json:"text"`
	}{line.Time, line.Source, line.Process, string(line.Text)})
	if err != nil {
		return out
	}
	return append(append(out, text...), '\n')
}
