package release

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slugc/slugc/build/slug"
)

// Status is how far a release came.
type Status string

// A release is pending while its release phase runs. It ends as one of the other
// two and stays that.
const (
	Pending   Status = "pending"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// The kinds of artifacts that are released.
const (
	SlugKind  = slug.Kind
	ImageKind = "image"
)

// PhaseType is the process type that runs before a release becomes current
// (Heroku Dev Center, "Release Phase").
const PhaseType = "release"

// Artifact is what a release runs, and what the release needs to know of it.
type Artifact struct {
	// Kind is SlugKind or ImageKind; empty for a release that has config alone.
	Kind string `json:"kind"`
	// Digest is that of the slug's bytes or of the image's manifest, as
	// "sha256:<hex>".
	Digest string `json:"digest"`
	// Reference is an image as it was named; a slug is found by its digest.
	Reference string `json:"reference,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Stack is the id of what it was built on, empty where it does not say.
	Stack string `json:"stack,omitempty"`
	// Commit is that of its source, empty where nobody knows.
	Commit string `json:"commit,omitempty"`
	// ProcessTypes are its commands by process type.
	ProcessTypes map[string]string `json:"process_types"`
	// Addons are the services that it wants, without plans.
	Addons []string `json:"addons"`
}

// None says that there is nothing to run.
func (a Artifact) None() bool { return a.Kind == "" }

// Release is number N of an app: one artifact with one config. It never changes,
// but that one which is pending ends.
type Release struct {
	App    string `json:"app"`
	Number int    `json:"version"`
	// Artifact has no kind where the app has config and nothing to run yet.
	Artifact Artifact `json:"artifact,omitzero"`
	// Names are those of the config, sorted. The ledger has the values.
	Names       []string  `json:"config_names"`
	Description string    `json:"description"`
	Author      string    `json:"author"`
	Created     time.Time `json:"created_at"`
	Status      Status    `json:"status"`
	// Reason is why it failed.
	Reason string `json:"reason,omitempty"`
	// Current is whether processes are to be those of this release: it is the
	// last that succeeded.
	Current bool `json:"current"`
	// Snapshot is where the ledger keeps the config.
	Snapshot int64 `json:"-"`
}

// Version is how people call a release: "v12".
func (r Release) Version() string { return "v" + strconv.Itoa(r.Number) }

// ParseVersion reads "v12", or "12".
func ParseVersion(text string) (int, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(text, "v"))
	if err != nil || number < 1 || strings.HasPrefix(text, "+") {
		return 0, &NameError{Name: text, Problem: "is no release", Expected: "one such as v12"}
	}
	return number, nil
}

// longestDescription is that of a description, in bytes.
const longestDescription = 200

// CheckDescription says why a text does not describe a release.
func CheckDescription(text string) error {
	if len(text) > longestDescription || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return &NameError{Name: text[:min(len(text), 40)], Problem: "does not describe a release", Expected: "one line of at most 200 bytes"}
	}
	return nil
}

// The words for what made a release (Heroku Platform API, "Release").

// Deployed is the description of the release of an artifact: its commit, or
// its digest, in short.
func Deployed(a Artifact) string {
	const short = 7
	id := a.Commit
	if id == "" {
		id = strings.TrimPrefix(a.Digest, "sha256:")
	}
	return "Deploy " + id[:min(len(id), short)]
}

// RolledBack is the description of a release that repeats another.
func RolledBack(to int) string { return "Rollback to v" + strconv.Itoa(to) }
