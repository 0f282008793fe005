package serve_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/serve"
)

func TestToken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "home", "serve-token")
	token, made, err := serve.OwnToken(file)
	if err != nil || !made || len(token) < 40 {
		t.Fatalf("%q %v %v", token, made, err)
	}
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the token has mode %v", info.Mode())
	}
	if again, made, err := serve.OwnToken(file); err != nil || made || again != token {
		t.Errorf("the second time it is %q %v %v", again, made, err)
	}
	must(t, os.Chmod(file, 0o644))
	if _, _, err := serve.OwnToken(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("one that others read: %v", err)
	}
	for content, says := range map[string]string{"short\n": "5 characters", strings.Repeat("x y", 20): "spaces", "": "0 characters"} {
		must(t, os.WriteFile(file, []byte(content), 0o600))
		if _, err := serve.ReadToken(file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestSpans(t *testing.T) {
	for _, c := range []struct {
		line string
		want []serve.Span
	}{
		{"plain\n", []serve.Span{{Text: "plain"}}},
		{"", nil},
		{"\x1b[1;31mred\x1b[0m not", []serve.Span{{Class: "b c1", Text: "red"}, {Text: " not"}}},
		{"\x1b[92mlight\x1b[39m", []serve.Span{{Class: "c10", Text: "light"}}},
		{"\x1b[38;5;4mblue\x1b[38;2;1;2;3mrgb\x1b[m.", []serve.Span{{Class: "c4", Text: "blue"}, {Class: "c4", Text: "rgb"}, {Text: "."}}},
		{"10%\r20%\rdone\r\n", []serve.Span{{Text: "done"}}},
		{"a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b[2Jd\x1b(Be", []serve.Span{{Text: "abcde"}}},
		{"\x1b]0;never ends", nil},
		{"\x1b[", nil},
		{"a\x00\x08\u009b31m\u202eb\u2066", []serve.Span{{Text: "a31mb"}}},
		{"\xff<b>\t", []serve.Span{{Text: "\ufffd<b>\t"}}},
		{strings.Repeat("x", 20<<10), []serve.Span{{Text: strings.Repeat("x", 16<<10) + " […]"}}},
	} {
		if diff := cmp.Diff(c.want, serve.Spans(c.line)); diff != "" {
			t.Errorf("%.60q: %s", c.line, diff)
		}
	}
}

func FuzzSpans(f *testing.F) {
	for _, seed := range []string{"\x1b[1;31mred\x1b[0m", "\x1b]0;t\x07x", "a\rb", "\x1b[38;5;300mx", "\x1bP1$r\x1b\\y", "\u202ex\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, span := range serve.Spans(line) {
			if strings.ContainsFunc(span.Text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
				t.Errorf("%q has control characters", span.Text)
			}
			if strings.Trim(span.Class, "bfiuc 0123456789") != "" {
				t.Errorf("the class is %q", span.Class)
			}
		}
	})
}

func TestAreas(t *testing.T) {
	var index pack.Index
	add := func(path string, size int64) {
		index = append(index, pack.Entry{Path: path, Mode: fs.FileMode(0o644), Fingerprint: pack.Fingerprint{Size: size}})
	}
	add("Procfile", 10)
	add("node_modules/big/dist/a.js", 4000)
	add("node_modules/big/src/a.js", 1000)
	for i := range 40 {
		add(fmt.Sprintf("node_modules/small-%02d/a.js", i), 50)
	}
	add(".slugc/layers/slugc_nodejs/node/bin/node", 9000)
	areas := serve.Areas(index)
	var total int64
	seen := map[string]bool{}
	for _, a := range areas {
		total += a.Size
		if seen[a.Path] {
			t.Errorf("%s is there twice", a.Path)
		}
		seen[a.Path] = true
	}
	if total != index.Size() || len(areas) > 24 || areas[0].Size != 9000 || !seen["node_modules/big/dist"] {
		t.Errorf("%d bytes of %d in %+v", total, index.Size(), areas)
	}
	const ratio = 2.5
	boxes := serve.Boxes(areas, ratio)
	covered := 0.0
	for i, b := range boxes {
		if b.X < -0.001 || b.Y < -0.001 || b.X+b.W > 100.001 || b.Y+b.H > 100.001 || b.W <= 0 || b.H <= 0 {
			t.Errorf("a box is outside: %+v", b)
		}
		covered += b.W * b.H
		for _, other := range boxes[:i] {
			if b.X+0.001 < other.X+other.W && other.X+0.001 < b.X+b.W && b.Y+0.001 < other.Y+other.H && other.Y+0.001 < b.Y+b.H {
				t.Errorf("%+v and %+v overlap", b, other)
			}
		}
	}
	if len(boxes) != len(areas) || covered < 9999 || covered > 10001 {
		t.Errorf("%d boxes cover %f", len(boxes), covered)
	}
	if serve.Areas(nil) != nil || serve.Boxes(nil, ratio) != nil {
		t.Error("nothing has areas")
	}
}

// TestTreemap: the sizes of a slug are found out once.
func TestTreemap(t *testing.T) {
	s := newSite(t, nil)
	content := archiveOf(t, map[string]string{"./app/Procfile": "web: ./web\n", "./app/lib/big.js": strings.Repeat("x", 9000)})
	s.deploy("1one")
	file := filepath.Join(s.home, "sha256:1one")
	must(t, os.WriteFile(file, content, 0o600))
	for range 2 {
		got := s.ask(program(), "GET", "/apps/shop/treemap", nil, bearer)
		var says struct{ Areas []serve.Area }
		must(t, json.Unmarshal([]byte(got.body), &says))
		if diff := cmp.Diff([]serve.Area{{Path: "lib", Size: 9000}, {Size: 11, Rest: true}}, says.Areas); got.status != http.StatusOK || diff != "" {
			t.Fatalf("%d %s\n%s", got.status, got.body, diff)
		}
		must(t, os.RemoveAll(file))
	}
}

// TestStatusPoster: forges are told of builds of their commits, and of no others.
func TestStatusPoster(t *testing.T) {
	s := newSite(t, nil)
	var told []string
	forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var body map[string]string
		must(t, json.NewDecoder(req.Body).Decode(&body))
		told = append(told, req.URL.Path+" "+body["state"]+" "+body["description"]+" "+body["target_url"])
		w.WriteHeader(http.StatusCreated)
	}))
	defer forge.Close()
	rule := hook.Rule{App: "shop", Forge: hook.GitHub, Repository: "https://git.example.com/acme/shop.git", Branches: []string{"main"}, Secret: testSecret, Token: "token-of-a-forge", API: forge.URL}
	must(t, s.book.KeepRule(t.Context(), rule))
	var warned []error
	tell := serve.StatusPoster(s.book, hook.Statuses{}, "https://deploy.example.com", func(err error) { warned = append(warned, err) })
	now := time.Now()
	b := queue.Build{ID: 5, Status: queue.Succeeded, Started: now, Finished: now.Add(3 * time.Second), Result: queue.Result{Release: 4}}
	b.App, b.Source = "shop", queue.Source{Kind: queue.Repository, Location: rule.Repository, Commit: aCommit}
	tell(context.Background(), b)
	b.App = "other"
	tell(context.Background(), b)
	b.App, b.Source.Location = "shop", "/srv/shop.git"
	tell(context.Background(), b)
	b.Source = queue.Source{Kind: queue.Archive, Location: rule.Repository}
	tell(context.Background(), b)
	want := []string{"/repos/acme/shop/statuses/" + aCommit + " success built in 3 s, released as v4 https://deploy.example.com/builds/5"}
	if diff := cmp.Diff(want, told); diff != "" || len(warned) > 0 {
		t.Errorf("%s\n%v", diff, warned)
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "localhost:0": true, "127.9.9.9:1": true,
		"0.0.0.0:80": false, ":80": false, "[::]:80": false, "192.0.2.1:80": false, "example.com:80": false, "x": false,
	} {
		if serve.Loopback(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}

// TestCertificate: one that is renewed is read again, and half of a pair is not taken.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	c := &serve.Certificate{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	if _, err := c.Config(); err == nil {
		t.Error("there is none, and no error")
	}
	write := func(serial int64, when time.Time) {
		t.Helper()
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serial)}, &x509.Certificate{}, &key.PublicKey, key)
		must(t, err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		for file, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: cert}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
			must(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
			must(t, os.Chtimes(file, when, when))
		}
	}
	now := time.Now()
	write(1, now)
	config, err := c.Config()
	must(t, err)
	serial := func() int64 {
		t.Helper()
		got, err := config.GetCertificate(nil)
		must(t, err)
		return got.Leaf.SerialNumber.Int64()
	}
	write(2, now.Add(time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("after it was renewed it is %d", got)
	}
	must(t, os.WriteFile(c.CertFile, []byte("half"), 0o600))
	if got := serial(); got != 2 {
		t.Errorf("with half of a pair it is %d", got)
	}
}
