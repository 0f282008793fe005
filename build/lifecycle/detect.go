package lifecycle

import (
	"context"
	"errors"
	"io/fs"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/detect"
)

// Detector asks the buildpacks of a builder who can build the app (CNB Platform
// API, "detector").
type Detector struct {
	API   platform.API
	Place Place
	// Order and System are the files order.toml and system.toml.
	Order, System string
	Analyzed      files.Analyzed
	Log           *platform.Log
}

// Run returns who builds, and what they agreed on. The classes of its errors are
// FailedDetect, FailedDetectErrors and DetectError.
func (d Detector) Run(ctx context.Context) (detect.Plan, error) {
	defer d.Log.Timer("Detector")()
	plan, err := d.run(ctx)
	if none, ok := errors.AsType[*detect.NoMatchError](err); ok {
		return detect.Plan{}, d.none(none)
	}
	if err != nil {
		return detect.Plan{}, &Failure{"detect", DetectError, err}
	}
	width := 0
	for _, c := range plan.Group {
		width = max(width, len(c.ID))
	}
	for _, c := range plan.Group {
		d.Log.Infof("%-*s %s", width, c.ID, c.Version)
	}
	return plan, nil
}

// none says that nobody builds, and why.
func (d Detector) none(err *detect.NoMatchError) error {
	for _, a := range err.Answers {
		if a.Reason != "" {
			d.Log.Infof("======== Output: %s ========", a.Descriptor)
			d.Log.Infof("%s", a.Reason)
		}
	}
	d.Log.Infof("======== Results ========")
	for _, a := range err.Answers {
		d.Log.Infof("%s: %s", a.Verdict, a.Descriptor)
	}
	d.Log.Errorf("No buildpack groups passed detection.")
	if err.Broken() {
		return &Failure{"detect", FailedDetectErrors, errors.New("buildpack(s) failed with err")}
	}
	d.Log.Errorf("Please check that you are running against the correct path.")
	return &Failure{"detect", FailedDetect, errors.New("no buildpacks participating")}
}

func (d Detector) run(ctx context.Context) (detect.Plan, error) {
	order, err := cnb.ParseOrder(d.Order)
	if err != nil {
		return detect.Plan{}, err
	}
	system, err := d.system()
	if err != nil {
		return detect.Plan{}, err
	}
	for i, group := range order {
		order[i] = system.Around(group)
	}
	shelf := shelf{place: d.Place, probers: map[string]detect.Prober{}, composites: map[string]buildpacks.Composite{}}
	if err := shelf.order(order); err != nil {
		return detect.Plan{}, err
	}
	flat, err := detect.Expand(order, shelf.composites)
	if err != nil {
		return detect.Plan{}, err
	}
	site, err := d.Place.site(d.Analyzed)
	if err != nil {
		return detect.Plan{}, err
	}
	return detect.Detect(ctx, site, flat, shelf.probers)
}

// system is the buildpacks that an operator puts around every group.
func (d Detector) system() (detect.System, error) {
	if !d.API.System {
		return detect.System{}, nil
	}
	parsed, err := cnb.ParseSystem(d.System)
	if errors.Is(err, fs.ErrNotExist) {
		d.Log.Debugf("No system buildpacks found at path %q", d.System)
		return detect.System{}, nil
	}
	if err != nil {
		return detect.System{}, err
	}
	members := func(all []cnb.SystemBuildpack) buildpacks.Group {
		var group buildpacks.Group
		for _, b := range all {
			group = append(group, buildpacks.Member{ID: b.ID, Version: b.Version, Optional: b.Optional})
		}
		return group
	}
	return detect.System{Pre: members(parsed.Pre), Post: members(parsed.Post)}, nil
}

// shelf is the buildpacks of a builder that an order names.
type shelf struct {
	place      Place
	probers    map[string]detect.Prober
	composites map[string]buildpacks.Composite
}

// order opens the buildpacks of an order, and those of the orders of composites
// among them.
func (s shelf) order(order buildpacks.Order) error {
	for _, group := range order {
		for _, m := range group {
			key := detect.Key(m)
			if _, known := s.composites[key]; known || s.probers[key] != nil {
				continue
			}
			dir := s.place.buildpackDir(m.ID, m.Version)
			composite, is, err := cnb.ReadComposite(dir)
			if err != nil {
				return err
			}
			if is {
				s.composites[key] = composite
				if err := s.order(composite.Order); err != nil {
					return err
				}
				continue
			}
			b, err := cnb.Open(dir)
			if err != nil {
				return err
			}
			s.probers[key] = b
		}
	}
	return nil
}
