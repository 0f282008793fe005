package hook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/release/hook"
)

var noon = time.Unix(1_780_000_000, 0)

func sign(secret, text string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return h.Sum(nil)
}

const (
	secret  = "it's a secret"
	signing = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
)

// delivery is what a forge sends.
func delivery(forge hook.Forge, event, body string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	switch forge {
	case hook.GitHub:
		h.Set("X-GitHub-Event", event)
		h.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
		h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sign(secret, body)))
	case hook.Gitea:
		h.Set("X-Gitea-Event", event)
		h.Set("X-Gitea-Delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473")
		h.Set("X-Gitea-Signature", hex.EncodeToString(sign(secret, body)))
	case hook.GitLab:
		h.Set("X-Gitlab-Event", event)
		h.Set("X-Gitlab-Event-UUID", "4c4e1bd8-1f7a-4a2e-9d7c-2b6c1f0e9a11")
		h.Set("X-Gitlab-Token", secret)
	case hook.Git:
	}
	return h
}

// signed is what GitLab sends with a signing token.
func signed(body string, at time.Time) http.Header {
	h := delivery(hook.GitLab, "Push Hook", body)
	stamp := strconv.FormatInt(at.Unix(), 10)
	h.Set("webhook-id", "d-1")
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", "v1,AAAA v1,"+base64.StdEncoding.EncodeToString(sign(strings.Repeat("test", 8), "d-1."+stamp+"."+body)))
	return h
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		forge hook.Forge
		event string
	}{{hook.GitHub, "push"}, {hook.GitLab, "Push Hook"}, {hook.Gitea, "push"}} {
		t.Run(string(c.forge), func(t *testing.T) {
			body := read(t, string(c.forge))
			d, err := hook.Verify(c.forge, delivery(c.forge, c.event, body), []byte(body), secret, noon)
			if err != nil {
				t.Fatal(err)
			}
			p := d.Push
			if d.Kind != hook.Pushed || d.ID == "" || d.ID != p.ID || !strings.HasPrefix(d.Key, string(c.forge)+":") {
				t.Errorf("%+v", d)
			}
			if p.Repository != "https://git.example.com/acme/shop.git" || p.Branch != "main" || p.Tag != "" || p.Before != oldID || p.After != newID || p.Forced || p.Deleted() {
				t.Errorf("%+v", p)
			}
			if hook.Subject(p.Message) != "Sell more" || p.Author != "A. Nother" || p.Pusher != "another" || p.Partial || strings.Join(p.Paths, " ") != "packages/web/new.html packages/web/index.html docs/old.md" {
				t.Errorf("%+v", p)
			}
			r := shop
			r.Forge, r.Repository = c.forge, "git@git.example.com:acme/shop.git"
			if decided := r.Decide(p); !decided.Build {
				t.Errorf("%+v", decided)
			}
			if o := d.Order(r); o.Trigger != "webhook" || o.By != "another" || o.Key != "shop "+d.Key || o.Source.Location != r.Repository {
				t.Errorf("%+v", o)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	body := read(t, "github")
	for _, forge := range hook.Forges() {
		body := read(t, string(forge))
		event := map[hook.Forge]string{hook.GitHub: "push", hook.GitLab: "Push Hook", hook.Gitea: "push"}[forge]
		for name, c := range map[string]struct {
			change func(http.Header)
			body   string
			secret string
		}{
			"another secret":  {nil, body, "another"},
			"no secret":       {nil, body, ""},
			"the secret half": {nil, body, secret[:5]},
			"no signature": {func(h http.Header) {
				for _, name := range []string{"X-Hub-Signature-256", "X-Gitea-Signature", "X-Gitlab-Token"} {
					h.Del(name)
				}
			}, body, secret},
			"no hex": {func(h http.Header) {
				for _, name := range []string{"X-Hub-Signature-256", "X-Gitea-Signature", "X-Gitlab-Token"} {
					h.Set(name, "sha256=zz")
				}
			}, body, secret},
		} {
			h := delivery(forge, event, body)
			if c.change != nil {
				c.change(h)
			}
			_, err := hook.Verify(forge, h, []byte(c.body), c.secret, noon)
			var wrong *hook.SignatureError
			if !errors.As(err, &wrong) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s, %s: %v", forge, name, err)
			}
		}
	}
	// A body that was changed on the way.
	for _, forge := range []hook.Forge{hook.GitHub, hook.Gitea} {
		var wrong *hook.SignatureError
		if _, err := hook.Verify(forge, delivery(forge, "push", body), []byte(body+" "), secret, noon); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", forge, err)
		}
	}
	// The first form of GitHub's signature, which SHA-1 makes, does not count.
	h := delivery(hook.GitHub, "push", body)
	h.Set("X-Hub-Signature", h.Get("X-Hub-Signature-256"))
	h.Del("X-Hub-Signature-256")
	if _, err := hook.Verify(hook.GitHub, h, []byte(body), secret, noon); err == nil {
		t.Error("it was taken")
	}
	if _, err := hook.Verify(hook.Git, h, []byte(body), secret, noon); err == nil {
		t.Error("git has no webhooks")
	}
	if _, err := hook.Verify("none", h, []byte(body), "", noon); err == nil {
		t.Error("there is no such forge")
	}
}

func TestVerifySigningToken(t *testing.T) {
	body := read(t, "gitlab")
	for name, c := range map[string]struct {
		at     time.Time
		change func(http.Header)
		secret string
		right  bool
	}{
		"now":           {noon, nil, signing, true},
		"a bit ago":     {noon.Add(-4 * time.Minute), nil, signing, true},
		"long ago":      {noon.Add(-6 * time.Minute), nil, signing, false},
		"in the future": {noon.Add(6 * time.Minute), nil, signing, false},
		"another id":    {noon, func(h http.Header) { h.Set("webhook-id", "d-2") }, signing, false},
		"another time":  {noon, func(h http.Header) { h.Set("webhook-timestamp", "1780000001") }, signing, false},
		"no time":       {noon, func(h http.Header) { h.Del("webhook-timestamp") }, signing, false},
		"no signature":  {noon, func(h http.Header) { h.Del("webhook-signature") }, signing, false},
		"another token": {noon, nil, "whsec_AAAA", false},
		"no token":      {noon, nil, "whsec_", false},
		"no base64":     {noon, nil, "whsec_!!", false},
		"the token itself instead of a signature": {noon, func(h http.Header) {
			h.Del("webhook-signature")
			h.Set("X-Gitlab-Token", signing)
		}, signing, false},
	} {
		h := signed(body, c.at)
		if c.change != nil {
			c.change(h)
		}
		d, err := hook.Verify(hook.GitLab, h, []byte(body), c.secret, noon)
		if (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && d.ID != "d-1" {
			t.Errorf("%s: %+v", name, d)
		}
		if stale := (*hook.StaleError)(nil); strings.Contains(name, "long") && (!errors.As(err, &stale) || err.Error() != "the delivery was signed 6m0s ago, more than 5m0s is not accepted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerifyKey has deliveries sent again, by the forge or by who listened.
func TestVerifyKey(t *testing.T) {
	key := func(forge hook.Forge, h http.Header, body string) string {
		t.Helper()
		d, err := hook.Verify(forge, h, []byte(body), secret, noon)
		if err != nil {
			t.Fatal(err)
		}
		return d.Key
	}
	body := read(t, "github")
	again := delivery(hook.GitHub, "push", body)
	again.Set("X-GitHub-Delivery", "another-id-which-is-not-signed")
	if key(hook.GitHub, delivery(hook.GitHub, "push", body), body) != key(hook.GitHub, again, body) {
		t.Error("another id makes another delivery")
	}
	other := strings.Replace(body, "1780000000", "1780000009", 1)
	if other == body || key(hook.GitHub, delivery(hook.GitHub, "push", other), other) == key(hook.GitHub, again, body) {
		t.Error("another push is the same delivery")
	}
	body = read(t, "gitlab")
	first, second := delivery(hook.GitLab, "Push Hook", body), delivery(hook.GitLab, "Push Hook", body)
	second.Set("X-Gitlab-Event-UUID", "another")
	if key(hook.GitLab, first, body) == key(hook.GitLab, second, body) {
		t.Error("two pushes of GitLab with one body are one")
	}
	second.Set("Idempotency-Key", "one")
	first.Set("Idempotency-Key", "one")
	if key(hook.GitLab, first, body) != key(hook.GitLab, second, body) {
		t.Error("a second try of GitLab is another delivery")
	}
}

func TestVerifyEvents(t *testing.T) {
	const body = `{"zen":"Keep it logically awesome."}`
	for event, want := range map[string]hook.Kind{"ping": hook.Pinged, "issues": hook.Ignored, "": hook.Ignored, "Tag Push Hook": hook.Ignored, "\x1b[31m": hook.Ignored} {
		d, err := hook.Verify(hook.GitHub, delivery(hook.GitHub, event, body), []byte(body), secret, noon)
		if err != nil || d.Kind != want || strings.Contains(d.Event, "\x1b") {
			t.Errorf("%s: %+v, %v", event, d, err)
		}
	}
	form := url.Values{"payload": {read(t, "github")}}.Encode()
	h := delivery(hook.GitHub, "push", form)
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	if d, err := hook.Verify(hook.GitHub, h, []byte(form), secret, noon); err != nil || d.Push.Branch != "main" {
		t.Errorf("a form: %+v, %v", d, err)
	}
	// Forgejo calls the headers by its own name, too.
	text := read(t, "gitea")
	h = delivery(hook.Gitea, "push", text)
	for _, name := range []string{"Event", "Delivery", "Signature"} {
		h.Set("X-Forgejo-"+name, h.Get("X-Gitea-"+name))
		h.Del("X-Gitea-" + name)
	}
	if d, err := hook.Verify(hook.Gitea, h, []byte(text), secret, noon); err != nil || d.Kind != hook.Pushed || d.ID == "" {
		t.Errorf("Forgejo: %+v, %v", d, err)
	}
}

func TestVerifyPayload(t *testing.T) {
	body := read(t, "github")
	for name, text := range map[string]string{
		"nothing":         ``,
		"no JSON":         `{"ref":`,
		"an array":        `[]`,
		"another type":    strings.Replace(body, `"refs/heads/main"`, `7`, 1),
		"no branch":       strings.Replace(body, "refs/heads/main", "refs/heads/$(rm -rf /)", 1),
		"no ref":          strings.Replace(body, "refs/heads/main", "main", 1),
		"no commit":       strings.Replace(body, newID, "--upload-pack=x", 1),
		"deep":            `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		"a huge number":   strings.Replace(body, `"forced"`, `"total_commits": 1e400, "forced"`, 1),
		"no repository":   strings.NewReplacer("https://git.example.com/acme/shop.git", "file:///etc", "git@git.example.com:acme/shop.git", "").Replace(body),
		"a form":          "payload=" + url.QueryEscape(body),
		"text after it":   body + "x",
		"two of them":     body + body,
		"another charset": "\xff\xfe{\x00}\x00",
	} {
		h := delivery(hook.GitHub, "push", text)
		_, err := hook.Verify(hook.GitHub, h, []byte(text), secret, noon)
		var wrong *hook.PayloadError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	big := make([]byte, hook.MaxBody+1)
	var wrong *hook.PayloadError
	if _, err := hook.Verify(hook.GitHub, http.Header{}, big, secret, noon); !errors.As(err, &wrong) {
		t.Errorf("a big one: %v", err)
	}
}

func TestVerifyPush(t *testing.T) {
	body := read(t, "github")
	get := func(text string) hook.Push {
		t.Helper()
		d, err := hook.Verify(hook.GitHub, delivery(hook.GitHub, "push", text), []byte(text), secret, noon)
		if err != nil {
			t.Fatal(err)
		}
		return d.Push
	}
	if p := get(strings.Replace(body, `"forced": false`, `"forced": true`, 1)); !p.Forced || !p.Partial {
		t.Errorf("forced: %+v", p)
	}
	if p := get(strings.Replace(body, oldID, noID, 1)); p.Before != "" || !p.Partial {
		t.Errorf("a new branch: %+v", p)
	}
	if p := get(strings.Replace(body, `"after": "`+newID, `"after": "`+noID, 1)); !p.Deleted() {
		t.Errorf("a deletion: %+v", p)
	}
	if p := get(strings.Replace(body, "refs/heads/main", "refs/tags/v1", 1)); p.Branch != "" || p.Tag != "v1" {
		t.Errorf("a tag: %+v", p)
	}
	if p := get(strings.Replace(body, `"forced"`, `"total_commits": 30, "forced"`, 1)); !p.Partial {
		t.Errorf("more commits: %+v", p)
	}
}

func FuzzVerify(f *testing.F) {
	for _, forge := range hook.Forges() {
		f.Add(read(f, string(forge)), string(forge))
	}
	f.Add(`{"ref":"refs/heads/$(id)","commits":[{"added":["../../etc/passwd"]}]}`, "github")
	f.Fuzz(func(t *testing.T, body, name string) {
		forge, err := hook.ParseForge(name)
		if err != nil {
			return
		}
		event := "push"
		if forge == hook.GitLab {
			event = "Push Hook"
		}
		d, err := hook.Verify(forge, delivery(forge, event, body), []byte(body), secret, noon)
		if err != nil {
			return
		}
		p := d.Push
		if p.Branch != "" && hook.CheckBranch(p.Branch) != nil || hook.CheckRepository(p.Repository) != nil {
			t.Errorf("%q was read as %+v", body, p)
		}
		r := shop
		r.Forge = forge
		if o := d.Order(r); o.Source.Location != r.Repository {
			t.Errorf("%q orders %+v", body, o)
		}
		r.Decide(p)
	})
}
