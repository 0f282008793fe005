package cli

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// shortestSecret is the length in bytes below which a value is not redacted:
// "1" or "dev" stand in every second line of a build by chance, and a log with
// holes there hides more than it protects.
const shortestSecret = 4

const redacted = "[redacted]"

// redactor takes known values out of text.
type redactor struct {
	values []string
}

// add makes the values known, with the spellings in which programs print them:
// quoted, escaped in a URL, in base64. Of a value with several lines each line
// counts, because output is looked at line by line.
func (r *redactor) add(values ...string) {
	for _, value := range values {
		r.know(base64.StdEncoding.EncodeToString([]byte(value)), len(value))
		for line := range strings.Lines(value) {
			line = strings.TrimSpace(line)
			quoted := strconv.Quote(line)
			for _, spelling := range []string{
				line, clean(line), quoted[1 : len(quoted)-1], url.QueryEscape(line), url.PathEscape(line),
			} {
				r.know(spelling, len(line))
			}
		}
	}
}

// know adds one spelling of a value of n bytes.
func (r *redactor) know(spelling string, n int) {
	if n >= shortestSecret && !slices.Contains(r.values, spelling) {
		r.values = append(r.values, spelling)
	}
}

// redact replaces every run of text that known values cover.
func (r *redactor) redact(text string) string {
	spans := r.spans(text)
	if len(spans) == 0 {
		return text
	}
	var out strings.Builder
	end := 0
	for _, s := range spans {
		out.WriteString(text[end:s.from])
		out.WriteString(redacted)
		end = s.to
	}
	out.WriteString(text[end:])
	return out.String()
}

// cut returns where text can be cut so that no value is in two parts: before a
// value that crosses the end of text, and never within one. The answer is
// len(text) when nothing is in the way.
func (r *redactor) cut(text string) int {
	at := len(text)
	for _, value := range r.values {
		for n := min(len(value)-1, len(text)); n > 0; n-- {
			if strings.HasSuffix(text, value[:n]) {
				at = min(at, len(text)-n)
				break
			}
		}
	}
	for _, s := range r.spans(text) {
		if s.from < at && at < s.to {
			at = s.from
		}
	}
	return at
}

type span struct{ from, to int }

// spans are the runs of text that values cover, in order, none touching
// another.
func (r *redactor) spans(text string) []span {
	var found []span
	for _, value := range r.values {
		for from := 0; ; {
			at := strings.Index(text[from:], value)
			if at < 0 {
				break
			}
			found = append(found, span{from + at, from + at + len(value)})
			from += at + 1
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	merged := found[:0]
	for _, s := range found {
		if last := len(merged) - 1; last >= 0 && s.from <= merged[last].to {
			merged[last].to = max(merged[last].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}
