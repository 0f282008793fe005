package serve

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// sessionLife is how long a person stays signed in.
	sessionLife = 12 * time.Hour
	// longestName is the length of a person's name, in bytes.
	longestName = 60
)

// session is a person who has signed in.
type session struct {
	id      string
	name    string
	expires time.Time
}

// sessions seals sessions into cookies. It keeps none but those that were ended before
// their time.
type sessions struct {
	key []byte
	now func() time.Time
	// secure is whether cookies are for TLS alone.
	secure bool

	mu    sync.Mutex
	ended map[string]time.Time
}

func newSessions(token string, secure bool, now func() time.Time) *sessions {
	return &sessions{key: seal([]byte(token), "session key"), secure: secure, now: now, ended: map[string]time.Time{}}
}

func seal(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("slugc serve " + text))
	return mac.Sum(nil)
}

// cookieName has the prefix by which a browser takes the cookie over TLS and from this
// host alone (RFC 6265bis, "__Host-").
func (s *sessions) cookieName() string {
	if s.secure {
		return "__Host-slugc"
	}
	return "slugc"
}

// begin makes a session.
func (s *sessions) begin(w http.ResponseWriter, name string) {
	one := session{id: rand.Text(), name: name, expires: s.now().Add(sessionLife)}
	text := strings.Join([]string{one.id, strconv.FormatInt(one.expires.Unix(), 10), encode([]byte(one.name))}, ".")
	s.set(w, text+"."+encode(seal(s.key, "session "+text)), int(sessionLife/time.Second))
}

func (s *sessions) set(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/", MaxAge: age, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// end ends a session, for whoever has its cookie.
func (s *sessions) end(w http.ResponseWriter, one session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, expires := range s.ended {
		if s.now().After(expires) {
			delete(s.ended, id)
		}
	}
	s.ended[one.id] = one.expires
	s.set(w, "", -1)
}

// of is the session of a request.
func (s *sessions) of(req *http.Request) (session, bool) {
	cookie, err := req.Cookie(s.cookieName())
	if err != nil {
		return session{}, false
	}
	at := strings.LastIndexByte(cookie.Value, '.')
	if at < 0 || !same(cookie.Value[at+1:], encode(seal(s.key, "session "+cookie.Value[:at]))) {
		return session{}, false
	}
	parts := strings.Split(cookie.Value[:at], ".")
	if len(parts) != 3 {
		return session{}, false
	}
	expires, err := strconv.ParseInt(parts[1], 10, 64)
	name, nameErr := base64.RawURLEncoding.DecodeString(parts[2])
	one := session{id: parts[0], name: string(name), expires: time.Unix(expires, 0)}
	if err != nil || nameErr != nil || s.now().After(one.expires) {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ended := s.ended[one.id]
	return one, !ended
}

// word is what a session says beside its cookie when it changes something.
func (s *sessions) word(one session) string { return encode(seal(s.key, "word "+one.id)) }

// personName is the name by which a person signs in, as it is shown; empty for none.
func personName(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > longestName || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return ""
	}
	return text
}

const (
	// failDelay is what a wrong token waits, more for each that came before; a minute
	// without any makes up for one.
	failDelay = 250 * time.Millisecond
	mostDelay = 4 * time.Second
	// mostDelayed is how many wait at once; who comes then is sent away.
	mostDelayed = 32
)

// brake slows who tries wrong tokens.
type brake struct {
	now func() time.Time
	// step is failDelay, but in tests.
	step time.Duration

	mu      sync.Mutex
	fails   int
	last    time.Time
	waiting int
}

// fail waits, and returns false when too many do already.
func (b *brake) fail(done <-chan struct{}) bool {
	b.mu.Lock()
	if b.waiting >= mostDelayed {
		b.mu.Unlock()
		return false
	}
	now := b.now()
	b.fails = max(0, b.fails-int(now.Sub(b.last)/time.Minute)) + 1
	b.last = now
	b.waiting++
	delay := min(mostDelay, time.Duration(b.fails)*b.step)
	b.mu.Unlock()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
	return true
}
