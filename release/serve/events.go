package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

const (
	// logPause is the time between two looks at a log that grows.
	logPause = 200 * time.Millisecond
	// beat is how often a stream says that it is there when nothing happens.
	beat = 15 * time.Second
	// logChunk is how much of a log is in one event, in bytes.
	logChunk = 64 << 10
)

// line is a line of a log in an event.
type line struct {
	Text string `json:"text"`
	// Spans are its parts where it has colours.
	Spans []Span `json:"spans,omitempty"`
}

// events is a build as it goes on (WHATWG HTML, "Server-sent events"): status events
// with the build, log events with lines, one event end. The id of each is where the log
// goes on behind it, in bytes; who comes back with it as Last-Event-ID, or with ?from=,
// gets what came since.
func (s *Server) events(w http.ResponseWriter, req *http.Request, _ who) error {
	b, err := s.buildOf(req)
	if err != nil {
		return err
	}
	from := req.Header.Get("Last-Event-ID")
	if from == "" {
		from = req.URL.Query().Get("from")
	}
	stream := &stream{w: w, control: http.NewResponseController(w), open: func() (io.ReadSeekCloser, error) { return s.Store.Log(req.Context(), b.ID) }}
	if stream.offset, err = fromOf(from); err != nil {
		return err
	}
	defer stream.close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	var told queue.Status
	tick := time.NewTicker(logPause)
	defer tick.Stop()
	for silent := time.Now(); ; {
		changed, over := s.watch.next()
		// What a build that has ended printed is all there.
		if b, err = s.Store.Build(req.Context(), b.ID); err != nil {
			return err
		}
		if b.Status != told {
			told = b.Status
			stream.send("status", b)
		}
		stream.copy(b.Status.Ended())
		if b.Status.Ended() {
			stream.send("end", b)
		}
		if stream.sent {
			silent, stream.sent = time.Now(), false
		} else if time.Since(silent) > beat {
			silent = time.Now()
			stream.write([]byte(": here\n\n"))
		}
		if stream.err != nil || b.Status.Ended() || over {
			return stream.err
		}
		for waiting := true; waiting; {
			select {
			case <-req.Context().Done():
				return nil
			case <-changed:
				waiting = false
			case <-tick.C:
				// Half a line is looked at once more when there is the other half.
				waiting = !stream.news() && time.Since(silent) <= beat
			}
		}
	}
}

// stream writes events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	open    func() (io.ReadSeekCloser, error)
	// log is nil until there is something in it.
	log    io.ReadSeekCloser
	offset int64
	// looked is where the log ended at the last look for news.
	looked int64
	// sent is whether anything was, and err the first error.
	sent bool
	err  error
}

func (t *stream) close() {
	if t.log != nil {
		t.log.Close()
	}
}

// end is where the log ends now.
func (t *stream) end() int64 {
	fresh := t.log == nil
	if fresh {
		log, err := t.open()
		if errors.Is(err, fs.ErrNotExist) {
			return 0 // it is not kept any more
		}
		if err != nil {
			t.err = errors.Join(t.err, err)
			return 0
		}
		t.log = log
	}
	end, err := t.log.Seek(0, io.SeekEnd)
	if err != nil {
		t.err = errors.Join(t.err, fmt.Errorf("reading the log: %w", err))
	}
	if fresh && end == 0 {
		// That of a build that has not begun is another one.
		t.log.Close()
		t.log = nil
	}
	return end
}

// grown is whether there is more of the log.
func (t *stream) grown() bool { return t.end() > t.offset || t.err != nil }

// news is whether the log has grown since it was last asked.
func (t *stream) news() bool {
	before := t.looked
	t.looked = t.end()
	return t.looked != before || t.err != nil
}

// copy sends the lines that have come; at the end also one that has no end.
func (t *stream) copy(over bool) {
	for t.err == nil && t.grown() && t.err == nil {
		chunk := make([]byte, logChunk)
		_, err := t.log.Seek(t.offset, io.SeekStart)
		n := 0
		if err == nil {
			n, err = io.ReadFull(t.log, chunk)
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.err = fmt.Errorf("reading the log: %w", err)
			return
		}
		chunk = chunk[:n]
		if whole := bytes.LastIndexByte(chunk, '\n') + 1; whole > 0 {
			chunk = chunk[:whole]
		} else if n < logChunk && !over {
			return
		}
		if len(chunk) == 0 {
			return
		}
		t.offset += int64(len(chunk))
		t.send("log", map[string]any{"lines": linesOf(chunk)})
	}
}

// The words by which slugc marks lines, and the styles that they have on the page.
var marks = []struct{ begin, class string }{{"-----> ", "step"}, {" !     ", "bad"}}

// linesOf are the lines of a part of a log.
func linesOf(chunk []byte) []line {
	var all []line
	for text := range bytes.Lines(chunk) {
		l, spans := line{Text: Plain(string(text))}, Spans(string(text))
		if len(spans) == 1 && spans[0].Class == "" {
			for _, mark := range marks {
				if strings.HasPrefix(l.Text, mark.begin) {
					spans[0].Class = mark.class
				}
			}
		}
		if len(spans) > 1 || len(spans) == 1 && spans[0].Class != "" {
			l.Spans = spans
		}
		all = append(all, l)
	}
	return all
}

func (t *stream) send(event string, data any) {
	content, err := json.Marshal(data)
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.write(fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", t.offset, event, content))
	t.sent = true
}

func (t *stream) write(b []byte) {
	if t.err != nil {
		return
	}
	if _, t.err = t.w.Write(b); t.err == nil {
		t.err = t.control.Flush()
	}
}
