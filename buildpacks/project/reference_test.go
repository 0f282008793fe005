package project_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/project"
)

func TestParseReference(t *testing.T) {
	for text, want := range map[string]project.Reference{
		"https://git.example/org/repo":                    {URI: "git+https://git.example/org/repo"},
		"https://git.example/org/repo/":                   {URI: "git+https://git.example/org/repo/"},
		"https://git.example/org/repo#v1":                 {URI: "git+https://git.example/org/repo#v1"},
		"https://git.example/org/repo.git#feature/x":      {URI: "git+https://git.example/org/repo.git#feature/x"},
		"https://git.example/org/repo#":                   {URI: "git+https://git.example/org/repo"},
		"https://git.example/org/repo.tgz.d?x=a.tgz":      {URI: "git+https://git.example/org/repo.tgz.d?x=a.tgz"},
		"https://user:secret@git.example/org/repo":        {URI: "git+https://user:secret@git.example/org/repo"},
		"HTTPS://git.example/org/repo":                    {URI: "git+https://git.example/org/repo"},
		"https://example.com/a.tgz":                       {URI: "https://example.com/a.tgz"},
		"https://example.com/a.TGZ?token=1#sha256=00":     {URI: "https://example.com/a.TGZ?token=1#sha256=00"},
		"https://example.com/a.tar.gz":                    {URI: "https://example.com/a.tar.gz"},
		"https://example.com/a.tar.xz":                    {URI: "https://example.com/a.tar.xz"},
		"https://example.com/a.tar.zst":                   {URI: "https://example.com/a.tar.zst"},
		"https://example.com/a.tar":                       {URI: "https://example.com/a.tar"},
		"https://example.com/a.zip":                       {URI: "https://example.com/a.zip"},
		"https://example.com/a.cnb":                       {URI: "https://example.com/a.cnb"},
		"https://example.com/download/latest#sha256=0123": {URI: "https://example.com/download/latest#sha256=0123"},
		"https://example.com":                             {URI: "https://example.com"},
		"https://example.com:x/a":                         {URI: "https://example.com:x/a"},
		"http://example.com/a":                            {URI: "http://example.com/a"},
		"git+https://git.example/org/repo":                {URI: "git+https://git.example/org/repo"},
		"git@git.example:org/repo.git#v1":                 {URI: "git@git.example:org/repo.git#v1"},
		"ssh://git@git.example/org/repo":                  {URI: "ssh://git@git.example/org/repo"},
		"git://git.example/org/repo":                      {URI: "git://git.example/org/repo"},
		"docker://example.com/org/image:1":                {URI: "docker://example.com/org/image:1"},
		"oci:layout":                                      {URI: "oci:layout"},
		"./buildpacks/mine":                               {URI: "./buildpacks/mine"},
		"../mine":                                         {URI: "../mine"},
		"./mine":                                          {URI: "./mine"},
		"/opt/mine":                                       {URI: "/opt/mine"},
		"vendor/mine.tgz":                                 {URI: "vendor/mine.tgz"},
		"mine":                                            {URI: "mine"},
		"urn:cnb:registry:org/name":                       {URI: "urn:cnb:registry:org/name"},
		"urn:buildpack:heroku/ruby":                       {Name: "heroku/ruby"},
		"urn:buildpack:ruby":                              {Name: "ruby"},
		"heroku/nodejs":                                   {Name: "heroku/nodejs"},
		"heroku-community/nginx":                          {Name: "heroku-community/nginx"},
		"Org/heroku-buildpack-x#v1":                       {Name: "Org/heroku-buildpack-x#v1"},
		"":                                                {},
	} {
		want.Text = text
		if diff := cmp.Diff(want, project.ParseReference(" "+text+"\t\r")); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}
