package python

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/stack/download"
)

// disableStatic turns collectstatic off, as on Heroku.
const disableStatic = "DISABLE_COLLECTSTATIC"

// collectStatic runs Django's collectstatic. What it writes is kept with a
// checksum over the app, its packages and the variables, so that an app that did
// not change does not have to be started for it.
func (b *build) collectStatic(ctx context.Context, a app, v environment) ([]libcnb.Layer, error) {
	if v.distributions["django"] == "" {
		return nil, nil
	}
	manage, err := findManage(a.dir)
	if err != nil || manage == "" {
		return nil, err
	}
	uses, err := usesStaticfiles(a.dir, manage)
	if err != nil || !uses {
		return nil, err
	}
	b.Print.Step("Collecting Django's static files")
	if off := b.Env[disableStatic]; off != "" && off != "0" {
		b.Print.Detail("Skipped: %s is set", disableStatic)
		return nil, nil
	}
	slot, err := layer.Open(b.Layers, staticLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return nil, err
	}
	key, before, err := b.appKey(v)
	if err != nil {
		return nil, err
	}
	inputs := map[string]string{"key": key}
	kept, why := slot.Keeps(inputs)
	if kept {
		b.Print.Detail("Reusing them (the app is unchanged)")
		return []libcnb.Layer{slot.Describe(inputs, nil)}, restore(slot.Layer.Path, a.dir)
	}
	if why == "key changed" {
		why = "the app changed"
	}
	b.Print.Detail("python %s collectstatic --noinput (%s)", manage, why)
	start := b.Now()
	output, err := b.command(ctx, []string{filepath.Join(v.dir, "bin", "python"), manage, "collectstatic", "--noinput"}, v.env)
	if err != nil {
		return nil, failure.Explain(failure.Failure{
			What: "Django's collectstatic failed", Err: err, Output: output,
			Unknown: "see it fail on your machine:\n  python " + manage + " collectstatic --noinput\n" +
				"what the settings want from the environment, the build needs too:\n  slugc build -e SECRET_KEY=for-the-build\n" +
				"or leave it out:\n  slugc build -e " + disableStatic + "=1",
		}, append(staticCauses(manage), failure.Common()...))
	}
	b.Print.Detail("Collected in %s", report.Duration(b.Now().Sub(start).Round(10*time.Millisecond)))
	return b.keepStatic(slot, inputs, before)
}

func staticCauses(manage string) []failure.Cause {
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`without having set the STATIC_ROOT setting`), Fault: download.App,
			Why: "the settings do not say where collected files go. Add it to them:\n  STATIC_ROOT = BASE_DIR / \"staticfiles\"\n" +
				"or leave it out:\n  slugc build -e " + disableStatic + "=1",
		},
		{
			Pattern: regexp.MustCompile(`(?m)KeyError: '([A-Z][A-Z0-9_]*)'`), Fault: download.App,
			Why: "the settings want the variable $1, also during the build. Give it one, or a default in the settings:\n  slugc build -e $1=for-the-build",
		},
		{
			Pattern: regexp.MustCompile(`(?m)ModuleNotFoundError: No module named '([^']+)'`), Fault: download.App,
			Why: "the module $1 is in no package that is installed: it may be one that only development has. Add its package, lock again, and commit that.\nSee it fail on your machine:\n  python " + manage + " collectstatic --noinput",
		},
		{
			Pattern: regexp.MustCompile(`(?m)^ValueError: Missing staticfiles manifest entry for '([^']+)'|The file '([^']+)' could not be found`), Fault: download.App,
			Why: "a stylesheet or template names a file that is not there. See which:\n  python " + manage + " collectstatic --noinput",
		},
	}
}

// stamp is a file of the app as it was.
type stamp struct {
	size    int64
	changed int64
}

// appKey is a checksum over the app, what it runs on and its variables, with a
// list of what is there.
func (b *build) appKey(v environment) (string, map[string]stamp, error) {
	k := &layer.Key{}
	k.Add("packages", v.key)
	for _, name := range sortedKeys(v.env) {
		if name != "HOME" && name != "TMPDIR" && !strings.HasPrefix(name, "CNB_") {
			k.Add(name, v.env[name])
		}
	}
	stamps := map[string]stamp{}
	err := b.walkApp(func(rel string, info fs.FileInfo) error {
		stamps[rel] = stamp{info.Size(), layer.ChangeTime(info)}
		return k.AddTree(b.App, rel)
	})
	if err == nil {
		err = b.AddAround(k)
	}
	return k.Sum(), stamps, err
}

// walkApp visits the files of the app.
func (b *build) walkApp(visit func(rel string, info fs.FileInfo) error) error {
	return filepath.WalkDir(b.App, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if layer.Within(name, b.Layers.Path) && name != b.App || entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(b.App, name)
		if err != nil {
			return err
		}
		return visit(rel, info)
	})
}

// keepStatic copies what is new in the app into the layer.
func (b *build) keepStatic(slot layer.Slot, inputs map[string]string, before map[string]stamp) ([]libcnb.Layer, error) {
	fresh := b.Scratch.Path(staticLayer)
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return nil, err
	}
	err := b.walkApp(func(rel string, info fs.FileInfo) error {
		if old, there := before[rel]; there && old == (stamp{info.Size(), layer.ChangeTime(info)}) || path.Ext(rel) == ".pyc" {
			return nil
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		to := filepath.Join(fresh, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return layer.CopyFile(filepath.Join(b.App, rel), to, info.Mode().Perm())
	})
	if err != nil {
		return nil, fmt.Errorf("keeping Django's static files: %w", err)
	}
	if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
		return nil, fmt.Errorf("keeping Django's static files: %w", err)
	}
	return []libcnb.Layer{slot.Describe(inputs, nil)}, nil
}

// restore copies files back into the app, in the place of what is there.
func restore(from, to string) error {
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return layer.CopyFile(name, target, info.Mode().Perm())
	})
	if err != nil {
		return fmt.Errorf("restoring Django's static files: %w", err)
	}
	return nil
}
