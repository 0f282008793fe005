package oci_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/oci"
)

func TestParseDest(t *testing.T) {
	tag := func(ref string) name.Tag {
		parsed, err := name.NewTag(ref)
		must(t, err)
		return parsed
	}
	for dest, want := range map[string]oci.Destination{
		"oci:out":                        oci.Layout{Dir: "out"},
		"oci:out:v1.0":                   oci.Layout{Dir: "out", Tag: "v1.0"},
		"oci:/a:b/c":                     oci.Layout{Dir: "/a:b/c"},
		"oci:/a:b/c:d":                   oci.Layout{Dir: "/a:b/c", Tag: "d"},
		"oci:./out/:_x":                  oci.Layout{Dir: "./out/", Tag: "_x"},
		"oci-archive:a.tar":              oci.Archive{File: "a.tar"},
		"oci-archive:a.tar:v1":           oci.Archive{File: "a.tar", Tag: "v1"},
		"docker://localhost:5000/a/b:v1": oci.Registry{Tag: tag("localhost:5000/a/b:v1")},
		"docker://example.com/a":         oci.Registry{Tag: tag("example.com/a:latest")},
		"docker-daemon:a":                oci.Daemon{Name: "a:latest"},
		"docker-daemon:example:5000/a/b": oci.Daemon{Name: "example:5000/a/b:latest"},
		"docker-daemon:me/a:v1":          oci.Daemon{Name: "me/a:v1"},
	} {
		got, err := oci.ParseDest(dest, oci.Access{})
		if err != nil {
			t.Errorf("%s: %v", dest, err)
			continue
		}
		same := cmp.Comparer(func(a, b name.Tag) bool { return a.Name() == b.Name() })
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Errorf("%s: %s", dest, diff)
		}
	}
	for _, dest := range []string{
		"", "out", "oci", "oci:", "oci-archive:", "oci-archive:dir/", "docker:example.com/a", "docker://", "docker://A B",
		"docker://example.com/a@sha256:" + strings.Repeat("0", 64), "slug:x.tgz", "docker-daemon:",
		"docker-daemon:a@sha256:" + strings.Repeat("0", 64), "docker-daemon://a",
	} {
		if got, err := oci.ParseDest(dest, oci.Access{}); err == nil || !strings.Contains(err.Error(), "expected oci:DIR[:TAG]") {
			t.Errorf("%q: got %+v and the error %v", dest, got, err)
		}
	}
}

func FuzzParseDest(f *testing.F) {
	for _, dest := range []string{"oci:a:b", "oci-archive:a", "docker://a/b:c", "oci::", "docker://a@b"} {
		f.Add(dest)
	}
	f.Fuzz(func(t *testing.T, dest string) {
		parsed, err := oci.ParseDest(dest, oci.Access{})
		if err != nil {
			return
		}
		if l, ok := parsed.(oci.Layout); ok && l.Dir == "" {
			t.Errorf("%q is in no directory", dest)
		}
	})
}
