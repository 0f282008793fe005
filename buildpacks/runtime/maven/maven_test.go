package maven_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/maven"
	"github.com/slugc/slugc/stack/download"
)

// settings writes a settings.xml.
func settings(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "settings.xml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const mirrored = `<?xml version="1.0"?>
<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">
  <servers><server><id>ours</id><username>ada</username><password>${env.SECRET}</password></server></servers>
  <mirrors>
    <mirror><id>inside</id><mirrorOf>internal</mirrorOf><url>https://inside.example.com/</url></mirror>
    <mirror><id>not</id><mirrorOf>*,!central</mirrorOf><url>https://not.example.com/</url></mirror>
    <mirror><id>ours</id><mirrorOf>external:*</mirrorOf><url>https://ours.example.com/maven</url></mirror>
  </mirrors>
</settings>`

func TestCentral(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		text string
		want string
	}{
		"a mirror":           {text: mirrored, want: "https://ours.example.com/maven/"},
		"one by name":        {text: strings.Replace(mirrored, "internal", "central", 1), want: "https://inside.example.com/"},
		"the wrapper's":      {env: map[string]string{"MVNW_REPOURL": "https://me:pw@wrapper.example.com/m2"}, text: mirrored, want: "https://wrapper.example.com/m2/"},
		"another mirror":     {text: "<settings><mirrors><mirror><mirrorOf>x</mirrorOf><url>https://x.example.com</url></mirror></mirrors></settings>", want: ""},
		"none":               {text: "<settings/>", want: ""},
		"empty settings":     {text: "<settings></settings>", want: ""},
		"settings not there": {want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "missing.xml")
			if c.text != "" {
				file = settings(t, c.text)
			}
			config, err := maven.Load(c.env, file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := config.Central()
			if err != nil || !strings.HasSuffix(got.URL.Path, "/") || got.URL.User != nil {
				t.Fatalf("got %v, %v", got, err)
			}
			if c.want != "" && got.URL.String() != c.want || c.want == "" && got.Origin != "" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestBrokenSettings(t *testing.T) {
	for text, says := range map[string]string{
		"<settings><mirrors></settings>": "settings.xml are broken",
		"<project/>":                     "settings.xml are broken",
		strings.Repeat(" ", 2<<20):       "is larger than",
	} {
		if _, err := maven.Load(nil, settings(t, text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v", err)
		}
	}
	for _, mirror := range []string{"<url>ftp://x</url>", "<url>https://x</url><blocked>true</blocked>"} {
		config, err := maven.Load(nil, settings(t, "<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf>"+mirror+"</mirror></mirrors></settings>"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Central(); download.FaultOf(err) != download.App {
			t.Errorf("%s: got %v", mirror, err)
		}
	}
}

func TestConnection(t *testing.T) {
	file := settings(t, strings.Replace(mirrored, "</servers>", "<server><id>token</id><configuration><httpHeaders><property><name>X-Token</name><value>t0ken</value></property></httpHeaders></configuration></server></servers>"+
		"<localRepository>/home/ada/.m2</localRepository><profiles><profile><id>p</id><repositories><repository><id>r</id><url>https://r.example.com</url></repository></repositories></profile></profiles><activeProfiles><activeProfile>p</activeProfile></activeProfiles>", 1))
	config, err := maven.Load(map[string]string{"SECRET": "hunter2&", "HTTPS_PROXY": "http://u:pr0xy@proxy.example.com:3128", "NO_PROXY": ".corp,localhost"}, file)
	if err != nil {
		t.Fatal(err)
	}
	text, secrets, err := config.Connection()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"hunter2&", "", "t0ken", "pr0xy"}, secrets); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"hunter2&amp;", "<value>t0ken</value>", "https://ours.example.com/maven", "<activeProfile>p</activeProfile>", "https://r.example.com",
		"<host>proxy.example.com</host>", "<port>3128</port>", "<nonProxyHosts>*.corp|localhost</nonProxyHosts>"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "/home/ada") {
		t.Errorf("a place of this machine is in\n%s", text)
	}
	// What was handed over says the same.
	again, err := maven.Load(nil, settings(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Central(); err != nil || got.URL.String() != "https://ours.example.com/maven/" {
		t.Errorf("got %v, %v", got, err)
	}
	if got := again.Network().Proxies.HTTPS; got != "http://u:pr0xy@proxy.example.com:3128" {
		t.Errorf("got %s", got)
	}
	none, err := maven.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, secrets, err := none.Connection(); text != "" || secrets != nil || err != nil {
		t.Errorf("got %q, %q, %v", text, secrets, err)
	}
}

func TestRepository(t *testing.T) {
	data := []byte("archive")
	files := map[string]string{}
	code := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, found := files[r.URL.Path]
		switch user, password, _ := r.BasicAuth(); {
		case code != 0:
			w.WriteHeader(code)
		case user != "ada" || password != "hunter2":
			w.WriteHeader(http.StatusUnauthorized)
		case !found:
			http.NotFound(w, r)
		default:
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
		}
	}))
	t.Cleanup(server.Close)
	config, err := maven.Load(map[string]string{"MVNW_REPOURL": server.URL + "/m2", "MVNW_USERNAME": "ada", "MVNW_PASSWORD": "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	address, err := config.Central()
	if err != nil {
		t.Fatal(err)
	}
	fetcher := download.NewFetcher(&http.Client{})
	fetcher.Tries = 1
	from := maven.Repository{Address: address, Fetcher: fetcher}
	a := maven.Artifact{Group: "org.example.tools", Name: "tool", Version: "1.0", Classifier: "bin", Extension: "zip"}
	const name = "/m2/org/example/tools/tool/1.0/tool-1.0-bin.zip"
	save := func(stated string) ([]byte, error) {
		integrity, err := from.Integrity(t.Context(), a)
		if err != nil {
			return nil, err
		}
		to, err := os.Create(filepath.Join(t.TempDir(), "file"))
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		if err := from.Save(t.Context(), a, stated, integrity, to, nil); err != nil {
			return nil, err
		}
		return os.ReadFile(to.Name())
	}
	if _, err := save(""); !errors.As(err, new(*maven.MissingError)) {
		t.Errorf("got %v", err)
	}
	files[name] = string(data)
	sum1, err := hex.DecodeString("ebfb55f4432b592119a10592e4f26272cc72359e")
	if err != nil {
		t.Fatal(err)
	}
	sum256, sum512 := sha256.Sum256(data), sha512.Sum512(data)
	for ending, sum := range map[string][]byte{".sha1": sum1, ".sha256": sum256[:], ".sha512": sum512[:]} {
		files[name+ending] = hex.EncodeToString(sum) + "  tool-1.0-bin.zip\n"
		for _, stated := range []string{"", strings.ToUpper(hex.EncodeToString(sum256[:]))} {
			if got, err := save(stated); err != nil || string(got) != "archive" {
				t.Errorf("%s: got %q, %v", ending, got, err)
			}
		}
		files[name+ending] = "nonsense"
		if _, err := save(""); download.FaultOf(err) != download.Registry {
			t.Errorf("%s: got %v", ending, err)
		}
		delete(files, name+ending)
	}
	files[name+".sha512"] = hex.EncodeToString(sum512[:])
	if _, err := save(strings.Repeat("0", 64)); download.FaultOf(err) != download.App {
		t.Errorf("got %v", err)
	}
	files[name] = "evil"
	if _, err := save(""); download.FaultOf(err) != download.Registry {
		t.Errorf("got %v", err)
	}
	for answer, fault := range map[int]download.Fault{http.StatusForbidden: download.App, http.StatusBadGateway: download.Passing} {
		code = answer
		if _, err := save(""); download.FaultOf(err) != fault {
			t.Errorf("%d: got %v", answer, err)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add(mirrored)
	f.Add("<settings><servers><server><configuration><a>${env.X}</a></configuration></server></servers></settings>")
	f.Fuzz(func(t *testing.T, text string) {
		config, err := maven.Load(map[string]string{"X": "y"}, settings(t, text))
		if err != nil {
			return
		}
		handed, _, err := config.Connection()
		if err != nil || handed == "" {
			return
		}
		if _, err := maven.Load(nil, settings(t, handed)); err != nil {
			t.Errorf("what was written cannot be read: %v\n%s", err, handed)
		}
	})
}
