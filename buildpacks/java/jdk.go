package java

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// settled is a version of Java that the archive had, and when.
type settled struct {
	Wish    string          `json:"wish"`
	Time    time.Time       `json:"time"`
	Release runtime.Release `json:"release"`
}

// settledFor is how long the archive is not asked again for the same wish.
const settledFor = 24 * time.Hour

// resolveJava settles the version of Java. What the archive said counts for a
// day, so that a build that changes nothing asks nobody.
func (b *build) resolveJava(ctx context.Context, w javaWish) (runtime.Release, error) {
	constraint, prefer, err := w.constraint(b.releases)
	if err != nil {
		return runtime.Release{}, err
	}
	wish := language.Wish{
		Layer:   jdkLayer,
		Request: runtime.Request{Runtime: "java", Constraint: constraint, Prefer: prefer, Arch: b.Arch},
		Asked:   w.asked,
		Hint:    w.hint(b.releases),
	}
	file := filepath.Join(b.Layers.Path, language.CatalogLayer, "java.json")
	text := strings.Join([]string{constraint.String(), b.Arch, b.Distro, b.stack()}, " ")
	var last settled
	if data, err := os.ReadFile(file); err == nil && json.Unmarshal(data, &last) == nil &&
		last.Wish == text && b.Now().Sub(last.Time) < settledFor && !last.Time.After(b.Now()) {
		for _, other := range w.asked.Passed {
			b.Print.Detail("Passing over %s: %s comes first", other, w.asked.Source())
		}
		return last.Release, nil
	}
	r, err := b.Resolve(ctx, wish)
	if err != nil {
		return runtime.Release{}, err
	}
	if w.asked.Text == "" {
		b.Print.Warn("To keep a build from moving to another release one day, pin it. %s", pinHint(feature(r.Version)))
	}
	if r.Stale != nil {
		return r, nil
	}
	data, err := json.Marshal(settled{Wish: text, Time: b.Now(), Release: r})
	if err != nil {
		return runtime.Release{}, fmt.Errorf("keeping the version of Java: %w", err)
	}
	return r, layer.WriteBeside(file, data, 0o644)
}

// stack is what tells one set of installed packages from another: a release is
// made of those that the stack does not have.
func (b *build) stack() string {
	data, err := os.ReadFile(b.Env[runtime.DebianVariable])
	if err != nil {
		return ""
	}
	return layer.Sum(data)
}

// hint says what to type when no registry has the wish.
func (w javaWish) hint(known releases) string {
	if w.most > 0 {
		return fmt.Sprintf("%s runs on Java %d at most. Take a newer Gradle:\n  ./gradlew wrapper --gradle-version latest\n"+
			"or build on a stack that has an older Java: slugc stack list", w.limit, w.most)
	}
	return pinHint(known.Default)
}

// installJDK brings the JDK that the app is built with into its layer.
func (b *build) installJDK(ctx context.Context, r runtime.Release, w javaWish) (language.Installed, error) {
	types := libcnb.LayerTypes{Build: true, Cache: true, Launch: b.launchesJDK()}
	return b.InstallRelease(ctx, language.Wish{
		Layer: jdkLayer, Types: types, Asked: w.asked,
		// The store of certificates is part of it.
		Layout: layout + "/" + b.certificates(),
	}, r)
}

// certificates tells one set of trusted authorities from another.
func (b *build) certificates() string { return layer.Sum(b.Runtimes.Certificates)[:16] }

// launchesJDK tells whether processes get the whole JDK (Paketo's
// BP_JVM_TYPE).
func (b *build) launchesJDK() bool { return strings.EqualFold(b.Env["BP_JVM_TYPE"], "JDK") }
