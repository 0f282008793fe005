package oci_test

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/stack"
)

var amd64 = stack.Target{OS: "linux", Arch: "amd64"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// anImage is the image of the tree.
func anImage(t *testing.T) oci.Image {
	t.Helper()
	return ocitest.Make(t, ocitest.Recipe(t, t.TempDir()))
}

func configOf(t *testing.T, image v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	return config
}
