package rebase

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
)

// Names of the rules of a rebase.
const (
	TargetRule    = "target"
	DistroRule    = "distribution"
	StackRule     = "stack"
	RunImageRule  = "run image"
	RebasableRule = "rebasable"
)

// Labels that the rules read (CNB Platform API, "Labels").
const (
	rebasableLabel = "io.buildpacks.rebasable"
	stackLabel     = "io.buildpacks.stack.id"
)

// Refusal is a rule that does not let an app stand on a base.
type Refusal struct {
	// Rule is the name of the rule.
	Rule string `json:"rule"`
	// App and Base are what does not go together.
	App  string `json:"app"`
	Base string `json:"base,omitempty"`
	// Advice is what to do about it.
	Advice string `json:"advice"`
}

// String is the refusal as a sentence.
func (r Refusal) String() string {
	text := r.Rule + ": the app " + r.App
	if r.Base != "" {
		text += ", the new base " + r.Base
	}
	return text
}

// RefusedError says which rules do not let an app stand on a base. A person may
// know better, and force it.
type RefusedError struct{ Refusals []Refusal }

func (e *RefusedError) Error() string {
	lines := make([]string, 0, len(e.Refusals)+1)
	lines = append(lines, "the app may not work on this base:")
	for _, r := range e.Refusals {
		lines = append(lines, fmt.Sprintf("%s; %s", r, r.Advice))
	}
	return strings.Join(append(lines, "to rebase it nevertheless, add --force"), "\n")
}

// ruling applies the rules to an app and a base.
type ruling struct {
	recipe    Recipe
	app, base parts
	metadata  oci.LifecycleMetadata
}

// apply returns what the rules say, and what they could not tell.
func (r ruling) apply() (refusals []Refusal, notes []string) {
	for _, rule := range []func() (*Refusal, string){r.target, r.distro, r.stack, r.runImage, r.rebasable} {
		refusal, note := rule()
		if refusal != nil {
			refusals = append(refusals, *refusal)
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return refusals, notes
}

// target: programs of one machine do not run on another.
func (r ruling) target() (*Refusal, string) {
	app, base := oci.TargetOf(r.app.config), oci.TargetOf(r.base.config)
	if oci.Runs(base, app) {
		return nil, ""
	}
	return &Refusal{
		Rule: TargetRule, App: "is for " + app.String(), Base: "for " + base.String(),
		Advice: fmt.Sprintf("name a base for %s", app),
	}, ""
}

// distro: what was built on one distribution finds other libraries on another.
// Images that do not say theirs are compared by their stacks.
func (r ruling) distro() (*Refusal, string) {
	app, base := oci.TargetOf(r.app.config), oci.TargetOf(r.base.config)
	switch {
	case oci.Agree(app.DistroName, base.DistroName) && oci.Agree(app.DistroVersion, base.DistroVersion):
		if distroOf(app) != "" && distroOf(base) == "" && r.id(r.base) == "" {
			return nil, fmt.Sprintf("The new base does not say its distribution; the app was built for %s.", distroOf(app))
		}
		return nil, ""
	default:
		return &Refusal{
			Rule: DistroRule, App: "was built for " + distroOf(app), Base: "is " + distroOf(base),
			Advice: fmt.Sprintf("name a base of %s, or build the app again on %s", distroOf(app), distroOf(base)),
		}, ""
	}
}

// stack: before there were targets, the id of a stack said what fits.
func (r ruling) stack() (*Refusal, string) {
	if distroOf(oci.TargetOf(r.app.config)) != "" && distroOf(oci.TargetOf(r.base.config)) != "" {
		return nil, ""
	}
	app, base := r.id(r.app), r.id(r.base)
	if app == "" || base == "" || app == base {
		return nil, ""
	}
	return &Refusal{
		Rule: StackRule, App: "was built for the stack " + app, Base: "is of the stack " + base,
		Advice: fmt.Sprintf("name a base of the stack %s, or build the app again on %s", app, base),
	}, ""
}

func (r ruling) id(of parts) string { return of.config.Config.Labels[stackLabel] }

// runImage: who built the app said which images may replace its base.
func (r ruling) runImage() (*Refusal, string) {
	names := runImages(r.metadata)
	if len(names) == 0 {
		return nil, "The app names no run image, so any base for its target is as good as another."
	}
	if r.known() {
		return nil, ""
	}
	refusal := &Refusal{
		Rule: RunImageRule, App: "names " + strings.Join(names, " and "),
		Base:   "is " + cmp.Or(r.recipe.Base.Name, "not from a registry"),
		Advice: fmt.Sprintf("name %s, or build the app again on the new base", strings.Join(names, " or ")),
	}
	return refusal, ""
}

// known is whether the label names the new base.
func (r ruling) known() bool {
	base := r.recipe.Base.Name
	return base != "" && slices.ContainsFunc(runImages(r.metadata), func(name string) bool { return sameImage(name, base) })
}

// rebasable: a base that an extension changed for this app has no successor.
func (r ruling) rebasable() (*Refusal, string) {
	value := r.app.config.Config.Labels[rebasableLabel]
	if value != "false" {
		return nil, ""
	}
	return &Refusal{
		Rule: RebasableRule, App: fmt.Sprintf("has the label %s=%s: its base was changed for it when it was built", rebasableLabel, value),
		Advice: "build the app again on the new base",
	}, ""
}

// distroOf is the distribution of a target, empty when it is not known.
func distroOf(t stack.Target) string { return strings.TrimSpace(t.DistroName + " " + t.DistroVersion) }
