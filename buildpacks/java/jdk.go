package java

import (
	"context"
	"fmt"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// resolveJava settles the version of Java.
func (b *build) resolveJava(ctx context.Context, w javaWish) (runtime.Release, error) {
	wish, err := b.jdkWish(w)
	if err != nil {
		return runtime.Release{}, err
	}
	r, err := b.Resolve(ctx, wish)
	if err != nil {
		return runtime.Release{}, err
	}
	if w.asked.Text == "" {
		b.Print.Warn("To keep a build from moving to another release one day, pin it. %s", pinHint(feature(r.Version)))
	}
	return r, nil
}

// jdkWish is the JDK that is wanted.
func (b *build) jdkWish(w javaWish) (language.Wish, error) {
	constraint, prefer, err := w.constraint(b.releases)
	if err != nil {
		return language.Wish{}, err
	}
	return language.Wish{
		Layer:   jdkLayer,
		Types:   libcnb.LayerTypes{Build: true, Cache: true, Launch: b.launchesJDK()},
		Request: runtime.Request{Runtime: "java", Constraint: constraint, Prefer: prefer, Arch: b.Arch},
		Asked:   w.asked,
		Hint:    w.hint(b.releases),
		// The store of certificates is part of it.
		Layout: layout + "/" + b.certificates(),
	}, nil
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
	wish, err := b.jdkWish(w)
	if err != nil {
		return language.Installed{}, err
	}
	return b.InstallRelease(ctx, wish, r)
}

// certificates tells one set of trusted authorities from another.
func (b *build) certificates() string { return layer.Sum(b.Runtimes.Certificates)[:16] }

// launchesJDK tells whether processes get the whole JDK (Paketo's
// BP_JVM_TYPE).
func (b *build) launchesJDK() bool { return strings.EqualFold(b.Env["BP_JVM_TYPE"], "JDK") }
