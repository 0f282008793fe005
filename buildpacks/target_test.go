package buildpacks_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
)

func TestTargetFits(t *testing.T) {
	bookworm := stack.Target{OS: "linux", Arch: "amd64", DistroName: "debian", DistroVersion: "12"}
	for _, tt := range []struct {
		name   string
		target buildpacks.Target
		on     stack.Target
		fits   bool
		text   string
	}{
		{"anything", buildpacks.Target{}, bookworm, true, "any machine"},
		{"the system", buildpacks.Target{OS: "linux"}, bookworm, true, "linux"},
		{"another system", buildpacks.Target{OS: "windows"}, bookworm, false, "windows"},
		{"the architecture", buildpacks.Target{OS: "linux", Arch: "amd64"}, bookworm, true, "linux/amd64"},
		{"another architecture", buildpacks.Target{Arch: "arm64"}, bookworm, false, "arm64"},
		{"a variant that the stack does not tell", buildpacks.Target{OS: "linux", Arch: "amd64", Variant: "v2"}, bookworm, true, "linux/amd64/v2"},
		{"another variant", buildpacks.Target{Arch: "arm", Variant: "v6"}, stack.Target{OS: "linux", Arch: "arm", Variant: "v7"}, false, "arm/v6"},
		{"the distribution", buildpacks.Target{Distros: []buildpacks.Distro{{Name: "debian", Version: "12"}}}, bookworm, true, "any machine on debian 12"},
		{"the distribution in any version", buildpacks.Target{OS: "linux", Distros: []buildpacks.Distro{{Name: "debian"}}}, bookworm, true, "linux on debian"},
		{"a version of any distribution", buildpacks.Target{Distros: []buildpacks.Distro{{Version: "12"}}}, bookworm, true, "any machine on 12"},
		{
			"one of the distributions", buildpacks.Target{OS: "linux", Arch: "amd64", Distros: []buildpacks.Distro{{"ubuntu", "22.04"}, {"debian", "12"}}},
			bookworm, true, "linux/amd64 on ubuntu 22.04 or debian 12",
		},
		{"another version", buildpacks.Target{Distros: []buildpacks.Distro{{"debian", "11"}}}, bookworm, false, "any machine on debian 11"},
		{"another distribution", buildpacks.Target{Distros: []buildpacks.Distro{{"ubuntu", "12"}}}, bookworm, false, "any machine on ubuntu 12"},
		{"a distribution, where none is known", buildpacks.Target{Distros: []buildpacks.Distro{{Name: "debian"}}}, stack.Target{OS: "linux"}, false, "any machine on debian"},
		{"a version, where only the name is known", buildpacks.Target{Distros: []buildpacks.Distro{{"debian", "12"}}}, stack.Target{DistroName: "debian"}, true, "any machine on debian 12"},
	} {
		if got := tt.target.Fits(tt.on); got != tt.fits {
			t.Errorf("%s: fits: %v", tt.name, got)
		}
		if got := tt.target.String(); got != tt.text {
			t.Errorf("%s: %q, expected %q", tt.name, got, tt.text)
		}
	}
	if d := (buildpacks.Descriptor{Targets: []buildpacks.Target{{Arch: "arm64"}, {OS: "linux"}}}); !d.Fits(bookworm) {
		t.Error("one target that fits is not enough")
	}
	if !(buildpacks.Descriptor{}).Fits(bookworm) {
		t.Error("a buildpack without targets does not fit")
	}
}

func TestExecEnvs(t *testing.T) {
	set := buildpacks.NewExecEnvs
	for _, tt := range []struct {
		set  buildpacks.ExecEnvs
		has  []string
		not  []string
		text string
	}{
		{set(nil), []string{"", "production", "test"}, nil, "any"},
		{set([]string{"test", "*"}), []string{"", "staging"}, nil, "any"},
		{set([]string{"production"}), []string{"", "production"}, []string{"test", "prod"}, "production"},
		{set([]string{"test", "production", "test"}), []string{"", "test"}, []string{"staging"}, "production or test"},
		{set([]string{"a", "b"}).And(set([]string{"b", "c"})), []string{"b"}, []string{"a", "c", ""}, "b"},
		{set([]string{"a"}).And(set(nil)), []string{"a"}, []string{"b"}, "a"},
		{set(nil).And(set([]string{"a"})), []string{"a"}, []string{"b"}, "a"},
		{set([]string{"a"}).And(set([]string{"b"})), nil, []string{"a", "b", ""}, "none"},
		{set([]string{"a"}).And(set([]string{"b"})).And(set([]string{"a"})), nil, []string{"a", "b", ""}, "none"},
	} {
		for _, env := range tt.has {
			if !tt.set.Has(env) {
				t.Errorf("%s has no %q", tt.set, env)
			}
		}
		for _, env := range tt.not {
			if tt.set.Has(env) {
				t.Errorf("%s has %q", tt.set, env)
			}
		}
		if got := tt.set.String(); got != tt.text || tt.set.None() != (tt.text == "none") {
			t.Errorf("%q, expected %q", got, tt.text)
		}
	}
}
