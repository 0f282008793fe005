package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

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
	// Experiment is asked before image extensions are used where they are no stable
	// part of the Platform API; its error ends the detector. It may be nil.
	Experiment func() error
	Log        *platform.Log
}

// Run returns who builds, and what they agreed on. The classes of its errors are
// Generic for what there is to begin with, FailedDetect, FailedDetectErrors and
// DetectError; a buildpack with an API that is not supported is a
// *platform.APIError.
func (d Detector) Run(ctx context.Context) (detect.Plan, error) {
	order, extensions, err := d.order()
	if _, api := errors.AsType[*platform.APIError](err); api {
		return detect.Plan{}, err
	}
	if err != nil {
		return detect.Plan{}, &Failure{"initialize detector", Generic, err}
	}
	if len(extensions) > 0 && !d.API.StableExtensions && d.Experiment != nil {
		if err := d.Experiment(); err != nil {
			return detect.Plan{}, err
		}
	}
	stop := d.Log.Timer("Detector")
	account := &account{}
	plan, err := d.run(ctx, order, extensions, account)
	account.tell(d.Log, err != nil)
	stop()
	if _, none := errors.AsType[*detect.NoMatchError](err); none {
		return detect.Plan{}, d.none(account.broken)
	}
	if err != nil {
		return detect.Plan{}, &Failure{"detect", DetectError, err}
	}
	return plan, nil
}

// none says that nobody builds.
func (d Detector) none(broken bool) error {
	d.Log.Errorf("No buildpack groups passed detection.")
	if broken {
		return &Failure{"detect", FailedDetectErrors, errors.New("buildpack(s) failed with err")}
	}
	d.Log.Errorf("Please check that you are running against the correct path.")
	return &Failure{"detect", FailedDetect, errors.New("no buildpacks participating")}
}

// order reads the order and who stands around its groups, with the order of
// extensions, and checks that all are there and have an API that is supported.
func (d Detector) order() (order, extensions buildpacks.Order, err error) {
	order, extensions, err = cnb.ParseOrder(d.Order)
	if errors.Is(err, cnb.ErrNoOrder) {
		err = nil // nobody is in it
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading order: failed to read order file: %w", inner(err))
	}
	system, err := d.system()
	if err != nil {
		return nil, nil, fmt.Errorf("reading system: failed to read system file: %w", inner(err))
	}
	for i, group := range order {
		added := system.For(group)
		if n := len(added.Pre); n > 0 {
			d.Log.Debugf("Prepending %d system buildpack(s) to group", n)
		}
		if n := len(added.Post); n > 0 {
			d.Log.Debugf("Appending %d system buildpack(s) to group", n)
		}
		order[i] = system.Around(group)
	}
	for _, group := range slices.Concat(order, extensions) {
		for _, m := range group {
			kind, read := "Buildpack", cnb.ReadAPI
			if m.Extension {
				kind, read = "Extension", cnb.ReadExtensionAPI
			}
			api, err := read(d.Place.dir(m))
			if err != nil {
				return nil, nil, inner(err)
			}
			if err := platform.CheckBuildpackAPI(kind, m.ID+"@"+m.Version, api); err != nil {
				return nil, nil, err
			}
		}
	}
	return order, extensions, nil
}

// inner is an error without what was said first of it.
func inner(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

func (d Detector) run(ctx context.Context, order, extensions buildpacks.Order, account *account) (detect.Plan, error) {
	if len(order) == 0 {
		return detect.Plan{}, &detect.NoMatchError{}
	}
	shelf := shelf{api: d.API, place: d.Place, probers: map[string]detect.Prober{}, composites: map[string]buildpacks.Composite{}}
	for _, named := range []buildpacks.Order{order, extensions} {
		if err := shelf.order(named); errors.Is(err, fs.ErrNotExist) {
			return detect.Plan{}, inner(err)
		} else if err != nil {
			return detect.Plan{}, err
		}
	}
	flat, optional, err := detect.ExpandMarked(order, extensions, shelf.composites)
	if err != nil {
		return detect.Plan{}, err
	}
	log := d.Log
	if !slices.ContainsFunc(flat, func(g buildpacks.Group) bool { return len(g) > 0 }) {
		log = nil // nobody asks for what this machine is
	}
	site, err := d.Place.site(d.Analyzed, log)
	if err != nil {
		return detect.Plan{}, err
	}
	account.optional = optional
	account.runImage = files.NewTarget(site.Stack.Target, "")
	plan, err := detect.Watch(ctx, site, flat, shelf.probers, account.group)
	if err != nil {
		return detect.Plan{}, err
	}
	account.chosen(plan.Chosen())
	return plan, nil
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

// shelf is the buildpacks and extensions of a builder that an order names.
type shelf struct {
	api        platform.API
	place      Place
	probers    map[string]detect.Prober
	composites map[string]buildpacks.Composite
}

// order opens the buildpacks of an order, and those of the orders of composites
// among them.
func (s shelf) order(order buildpacks.Order) error {
	for _, group := range order {
		for i, m := range group {
			if !s.api.ExecEnv {
				group[i].ExecEnvs = ""
			}
			key := detect.Key(m)
			if _, known := s.composites[key]; known || s.probers[key] != nil {
				continue
			}
			dir := s.place.dir(m)
			if m.Extension {
				x, err := cnb.OpenExtension(dir)
				if err != nil {
					return err
				}
				s.probers[key] = prober{x, s.api}
				continue
			}
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
			b, err := cnb.OpenAny(dir)
			if err != nil {
				return err
			}
			s.probers[key] = prober{b, s.api}
		}
	}
	return nil
}

// prober is a buildpack as a Platform API sees it.
type prober struct {
	detect.Prober
	api platform.API
}

// Descriptor is without what the Platform API does not look at.
func (p prober) Descriptor() buildpacks.Descriptor {
	d := p.Prober.Descriptor()
	if !p.api.Targets {
		d.Targets = nil
	}
	if !p.api.ExecEnv {
		d.ExecEnvs = nil
	}
	return d
}
