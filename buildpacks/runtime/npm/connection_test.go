package npm_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

func TestConnection(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".npmrc")
	text := `registry=http://localhost:1/npm/
//localhost:1/npm/:_authToken=${TOKEN}
@mine:registry=http://localhost:2/
ca[]=one
ca[]=two
nodedir=/usr
cafile=/home/me/ca.pem
ignore-scripts=true
init-author-name=Me
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := npm.Load(map[string]string{"TOKEN": "s3cr;et"}, file)
	if err != nil {
		t.Fatal(err)
	}
	npmrc, secrets := config.Connection()
	want := `//localhost:1/npm/:_authToken="s3cr;et"
@mine:registry="http://localhost:2/"
ca[]="one"
ca[]="two"
registry="http://localhost:1/npm/"
`
	if diff := cmp.Diff(want, npmrc); diff != "" {
		t.Errorf(".npmrc (-expected +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"s3cr;et"}, secrets); diff != "" {
		t.Errorf("secrets (-expected +got):\n%s", diff)
	}

	again := filepath.Join(t.TempDir(), ".npmrc")
	if err := os.WriteFile(again, []byte(npmrc), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := npm.Load(nil, again)
	if err != nil {
		t.Fatal(err)
	}
	if back, _ := read.Connection(); back != npmrc {
		t.Errorf("read back:\n%s", back)
	}
}
