package buildpacks

import "strings"

// Head is a writer that keeps the first bytes that a script prints, and forgets
// the rest.
type Head struct {
	// Limit is how many bytes are kept.
	Limit int

	kept []byte
	more bool
}

// Write never fails.
func (h *Head) Write(p []byte) (int, error) {
	if room := h.Limit - len(h.kept); room < len(p) {
		h.kept = append(h.kept, p[:room]...)
		h.more = true
	} else {
		h.kept = append(h.kept, p...)
	}
	return len(p), nil
}

// Cut reports whether more was written than is kept.
func (h *Head) Cut() bool { return h.more }

// Bytes are what is kept.
func (h *Head) Bytes() []byte { return h.kept }

// String is what is kept as text, with dots where there was more.
func (h *Head) String() string {
	s := strings.ToValidUTF8(string(h.kept), "�")
	if h.more {
		s += "\n..."
	}
	return s
}
