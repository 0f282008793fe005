package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// MaxBody is the longest delivery that is read, in bytes: that which GitHub caps its own at.
const MaxBody = 25 << 20

// skew is how far the time of a delivery may be from now, where the forge signs one
// (Standard Webhooks, "Verifying signatures").
const skew = 5 * time.Minute

// Kind is what a delivery is about.
type Kind string

// Pinged is asked for an answer, nothing else; Ignored is an event that is no push.
const (
	Pushed  Kind = "push"
	Pinged  Kind = "ping"
	Ignored Kind = "other"
)

// Delivery is what a forge sent, and it was that forge.
type Delivery struct {
	Kind Kind
	// Event is what the forge calls the kind, as it may be shown.
	Event string
	// ID is what the forge calls the delivery, as it may be shown.
	ID string
	// Key is the same for a delivery that is sent again, by whomever; see the package.
	Key string
	// Push is what was pushed, of a delivery that is Pushed.
	Push Push
}

// Order is the build of a delivery's push.
func (d Delivery) Order(r Rule) queue.Order {
	return r.Order(d.Push, "webhook", d.Push.Pusher, r.App+" "+d.Key)
}

// SignatureError says that a delivery is not signed as it has to be. Whoever sent it is told
// no more than that.
type SignatureError struct {
	Forge Forge
	// Header is what was looked at.
	Header string
	// Missing is whether it was not there.
	Missing bool
}

func (e *SignatureError) Error() string {
	if e.Missing {
		return fmt.Sprintf("the delivery is not signed: it has no %s", e.Header)
	}
	return fmt.Sprintf("the delivery is not from %s: %s is not made with the secret", e.Forge, e.Header)
}

// StaleError says that a delivery was signed at another time than now.
type StaleError struct {
	// Off is how far away the time is: below zero in the past.
	Off time.Duration
}

func (e *StaleError) Error() string {
	where := "ago"
	off := -e.Off
	if e.Off > 0 {
		where, off = "ahead of this machine's clock", e.Off
	}
	return fmt.Sprintf("the delivery was signed %s %s, more than %s is not accepted", off.Round(time.Second), where, skew)
}

// PayloadError says what a delivery lacks that is signed as it has to be.
type PayloadError struct {
	Problem string
	Err     error
}

func (e *PayloadError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the delivery cannot be read: %s: %v", e.Problem, e.Err)
	}
	return "the delivery cannot be read: " + e.Problem
}

// Unwrap is what is wrong.
func (e *PayloadError) Unwrap() error { return e.Err }

// Verify makes sure that a delivery is from a forge and reads it. Errors are a
// *SignatureError, a *StaleError or a *PayloadError. Nothing but MaxBody bounds the time it takes.
func Verify(forge Forge, header http.Header, body []byte, secret string, now time.Time) (Delivery, error) {
	if len(body) > MaxBody {
		return Delivery{}, &PayloadError{Problem: fmt.Sprintf("it has %d bytes, more than %d", len(body), MaxBody)}
	}
	signed := Sum(forge, body)
	var err error
	var d Delivery
	switch forge {
	case GitHub:
		err = checkHex(forge, header, "X-Hub-Signature-256", "sha256=", body, secret)
		d = Delivery{Event: header.Get("X-Github-Event"), ID: header.Get("X-Github-Delivery"), Key: signed}
	case Gitea:
		name := "X-Gitea-Signature"
		if header.Get(name) == "" && header.Get("X-Forgejo-Signature") != "" {
			name = "X-Forgejo-Signature"
		}
		err = checkHex(forge, header, name, "", body, secret)
		d = Delivery{Event: first(header, "X-Gitea-Event", "X-Forgejo-Event"), ID: first(header, "X-Gitea-Delivery", "X-Forgejo-Delivery"), Key: signed}
	case GitLab:
		d = Delivery{Event: header.Get("X-Gitlab-Event"), ID: first(header, "Webhook-Id", "Idempotency-Key", "X-Gitlab-Event-Uuid"), Key: signed}
		err = checkGitLab(header, body, secret, now)
		// The same push twice has the same body there.
		if d.ID != "" {
			d.Key = Sum(forge, []byte(d.ID))
		}
	case Git:
		return Delivery{}, &SignatureError{Forge: forge, Header: "signature", Missing: true}
	default:
		return Delivery{}, &SignatureError{Forge: forge, Header: "signature", Missing: true}
	}
	if err != nil {
		return Delivery{}, err
	}
	d.Event, d.ID = Plain(d.Event, longestShown), Plain(d.ID, longestShown)
	switch strings.ToLower(d.Event) {
	case "push", "push hook":
		d.Kind = Pushed
	case "ping":
		d.Kind = Pinged
		return d, nil
	default:
		d.Kind = Ignored
		return d, nil
	}
	if body, err = document(header, body); err != nil {
		return Delivery{}, err
	}
	if d.Push, err = readPush(forge, body); err != nil {
		return Delivery{}, err
	}
	d.Push.ID = d.ID
	return d, nil
}

// Sum is a short name for bytes that a forge sent.
func Sum(forge Forge, content []byte) string {
	sum := sha256.Sum256(content)
	return string(forge) + ":" + hex.EncodeToString(sum[:])
}

// first is the first of some headers that is there.
func first(header http.Header, names ...string) string {
	for _, name := range names {
		if value := header.Get(name); value != "" {
			return value
		}
	}
	return ""
}

func mac(key string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, []byte(key))
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// checkHex checks the HMAC-SHA256 of a body in a header. A secret that is empty is that of
// nobody.
func checkHex(forge Forge, header http.Header, name, prefix string, body []byte, secret string) error {
	value := header.Get(name)
	if value == "" {
		return &SignatureError{Forge: forge, Header: name, Missing: true}
	}
	text, found := strings.CutPrefix(value, prefix)
	got, err := hex.DecodeString(text)
	if !found || err != nil || secret == "" || !hmac.Equal(got, mac(secret, body)) {
		return &SignatureError{Forge: forge, Header: name}
	}
	return nil
}

// signingPrefix begins a signing token of GitLab, before the key in base64 (Standard
// Webhooks, "Signature scheme").
const signingPrefix = "whsec_"

// checkGitLab checks a delivery of GitLab: signed, where the secret is a signing token, else
// the secret itself.
func checkGitLab(header http.Header, body []byte, secret string, now time.Time) error {
	encoded, signs := strings.CutPrefix(secret, signingPrefix)
	if !signs {
		const name = "X-Gitlab-Token"
		token := header.Get(name)
		if token == "" {
			return &SignatureError{Forge: GitLab, Header: name, Missing: true}
		}
		// Their sums have one length, so that the time does not tell that of the secret.
		if secret == "" || !hmac.Equal(mac("", []byte(token)), mac("", []byte(secret))) {
			return &SignatureError{Forge: GitLab, Header: name}
		}
		return nil
	}
	const name = "webhook-signature"
	id, stamp, signatures := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), header.Get(name)
	if id == "" || stamp == "" || signatures == "" {
		return &SignatureError{Forge: GitLab, Header: name, Missing: true}
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) == 0 {
		return &SignatureError{Forge: GitLab, Header: name}
	}
	want := mac(string(key), []byte(id+"."+stamp+"."), body)
	right := false
	for _, one := range strings.Fields(signatures) {
		text, found := strings.CutPrefix(one, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		right = found && err == nil && hmac.Equal(got, want) || right
	}
	if !right {
		return &SignatureError{Forge: GitLab, Header: name}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return &PayloadError{Problem: "webhook-timestamp is no time", Err: err}
	}
	if off := time.Unix(seconds, 0).Sub(now); off > skew || off < -skew {
		return &StaleError{Off: off}
	}
	return nil
}

// document is the JSON in a body, which may be a form.
func document(header http.Header, body []byte) ([]byte, error) {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	if strings.TrimSpace(strings.ToLower(kind)) != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &PayloadError{Problem: "it is no form", Err: err}
	}
	if !form.Has("payload") {
		return nil, &PayloadError{Problem: "the form has no payload"}
	}
	return []byte(form.Get("payload")), nil
}
