package python

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/python/lock"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/pypi"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// systemCertificates is where Debian and its descendants keep the certificates
// that the machine trusts.
const systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

// venvEnv is the environment for what runs in an environment during a build.
// What says where packages come from is not in it.
func (b *build) venvEnv(t tools, v environment) map[string]string {
	env := t.python.Use.Environ(b.Env)
	for _, name := range pypi.Variables() {
		delete(env, name)
	}
	env["PATH"] = strings.Join([]string{filepath.Join(v.dir, "bin"), filepath.Join(t.uv.Path, "bin"), env["PATH"]}, string(os.PathListSeparator))
	env["VIRTUAL_ENV"] = v.dir
	env["PYTHONUNBUFFERED"] = "1"
	env["PYTHONDONTWRITEBYTECODE"] = "1"
	if env["LANG"] == "" {
		env["LANG"] = "C.UTF-8"
	}
	return env
}

// installerEnv is the environment of the installer and, through it, of what
// builds packages.
func (b *build) installerEnv(of map[string]string, v environment) (map[string]string, error) {
	env := maps.Clone(of)
	home, err := b.Scratch.Home(env["HOME"])
	if err != nil {
		return nil, err
	}
	env["HOME"] = home
	index, err := b.config.Index()
	if err != nil {
		return nil, err
	}
	others, err := b.otherIndexes(v)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"UV_CACHE_DIR":     filepath.Join(b.Layers.Path, cacheLayer),
		"UV_DEFAULT_INDEX": index.URL.String(),
		"UV_INDEX":         strings.Join(others, " "),
		"UV_FIND_LINKS":    strings.Join(b.config.Links(), ","),
		"UV_INSECURE_HOST": strings.Join(b.config.Trusted(), " "),
		// pip looks at all indexes, and takes the best version.
		"UV_INDEX_STRATEGY":   "unsafe-best-match",
		"UV_PYTHON_DOWNLOADS": "never",
		"UV_NO_PROGRESS":      "1",
		// Not by the times of files, which differ from build to build.
		"UV_COMPILE_BYTECODE":   "1",
		"PYC_INVALIDATION_MODE": "UNCHECKED_HASH",
		"UV_HTTP_RETRIES":       "2",
		"NO_COLOR":              "1",
	} {
		if value != "" {
			env[name] = value
		}
	}
	if !v.configured {
		env["UV_NO_CONFIG"] = "1"
	}
	if b.config.NoIndex() {
		env["UV_NO_INDEX"] = "1"
	}
	if v.vendored != "" {
		env["UV_NO_INDEX"], env["UV_FIND_LINKS"] = "1", filepath.Join(b.App, v.vendored)
	}
	if proxy := b.config.Proxy(); proxy != "" {
		env["HTTPS_PROXY"], env["HTTP_PROXY"] = proxy, proxy
	}
	return env, b.certificates(env)
}

// otherIndexes are the addresses of the indexes beside the one that is asked by default,
// with their logins: a person's, then those that the app names.
func (b *build) otherIndexes(v environment) (others []string, err error) {
	extra, err := b.config.Extra()
	if err != nil {
		return nil, err
	}
	for _, a := range extra {
		others = append(others, a.URL.String())
	}
	for _, address := range v.indexes {
		a, err := b.config.WithLogin(address)
		if err != nil {
			return nil, err
		}
		if text := a.URL.String(); !slices.Contains(others, text) {
			others = append(others, text)
		}
	}
	return others, nil
}

// certificates has the installer trust what this machine trusts, and the
// authority of a company besides.
func (b *build) certificates(env map[string]string) error {
	own := b.config.CA()
	if own == "" {
		own = b.Env["SSL_CERT_FILE"]
	}
	if own == "" || own == systemCertificates {
		if _, err := os.Stat(systemCertificates); err == nil {
			env["SSL_CERT_FILE"] = systemCertificates
		}
		return nil
	}
	// uv trusts one file, and pip its file and nothing else: both together are
	// what every other client here trusts.
	var bundle []byte
	for _, file := range []string{systemCertificates, own} {
		data, err := os.ReadFile(file)
		if err != nil && file == own {
			return fmt.Errorf("reading certificates: %w", err)
		}
		bundle = append(append(bundle, data...), '\n')
	}
	file := b.Scratch.Path("certificates.pem")
	env["SSL_CERT_FILE"] = file
	return os.WriteFile(file, bundle, 0o644)
}

// uv runs the installer. What it prints is shown, unless it fails and is quiet:
// then it may be tried in another way.
func (b *build) uv(ctx context.Context, env map[string]string, t tools, v environment, arguments []string, quiet bool) (*tool.Tail, error) {
	env, err := b.installerEnv(env, v)
	if err != nil {
		return nil, err
	}
	args := append([]string{filepath.Join(t.uv.Path, "bin", "uv"), "pip", "install", "--python", filepath.Join(v.dir, "bin", "python")}, arguments...)
	b.Print.Working("Installing")
	lines := b.Print.Writer()
	to := &held{to: lines, open: !quiet}
	output := tool.NewTail(to)
	err = b.Runner.Run(ctx, tool.Command{Args: args, Dir: b.App, Env: env, Output: output})
	if err != nil && unreachable().MatchString(output.Text()) {
		// What an earlier build fetched may be all that is wanted.
		again := &held{to: lines}
		retry := tool.NewTail(again)
		env["UV_OFFLINE"] = "1"
		if b.Runner.Run(ctx, tool.Command{Args: args, Dir: b.App, Env: env, Output: retry}) == nil {
			b.Print.Detail("The index cannot be reached, but all packages are in the cache")
			to, output, err = again, retry, nil
		}
	}
	if err == nil {
		err = to.release()
	}
	lines.Flush()
	if err == nil {
		for _, match := range takenBack().FindAllStringSubmatch(output.Text(), -1) {
			b.Print.Warn("The author of %s took that version back: %s\nTake another one, and lock again", match[1], match[2])
		}
	}
	return output, err
}

// takenBack is how the installer says that a version was yanked (PEP 592).
var takenBack = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("(?m)^warning: `([^`]+)` is yanked \\((?:reason: )?\"?([^\n]*?)\"?\\)$")
})

// held keeps what is written to it until it is released, unless it is open.
type held struct {
	to   io.Writer
	open bool
	text []byte
}

func (h *held) Write(data []byte) (int, error) {
	if h.open {
		return h.to.Write(data)
	}
	h.text = append(h.text, data...)
	return len(data), nil
}

func (h *held) release() error {
	_, err := h.to.Write(h.text)
	return err
}

// buildWanted is how the installer says that a package has no wheel.
var buildWanted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`has no (?:usable )?wheels|building from source is disabled|Building source distributions .*is disabled|no wheels? with a matching`)
})

// unreachable is how it says that an index does not answer at all.
var unreachable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`client error \(Connect\)|dns error|Request failed after \d+ retries`)
})

func wantsBuild(output *tool.Tail) bool {
	return output != nil && buildWanted().MatchString(output.Text())
}

// withHeaders adds what compilers need to build for Python.
func (b *build) withHeaders(ctx context.Context, t tools, v environment) (map[string]string, error) {
	env := maps.Clone(v.env)
	// Without debugging information, which notes where sources lay.
	env["CFLAGS"] = strings.TrimSpace(env["CFLAGS"] + " -g0")
	env["CXXFLAGS"] = strings.TrimSpace(env["CXXFLAGS"] + " -g0")
	if len(t.python.Release.Packages) == 0 {
		b.Print.Detail("This Python comes without headers: what is written in C cannot be built for it")
		return env, nil
	}
	w := language.Wish{
		Layer: headersLayer, Types: libcnb.LayerTypes{Cache: true}, Layout: layout,
		Request: runtime.Request{Runtime: "python", Parts: []string{"dev"}},
	}
	exact, err := runtime.ParseConstraint(runtime.PEP440, "=="+t.python.Release.Version)
	if err != nil {
		return nil, err
	}
	w.Request.Constraint = exact
	w.Asked.Name = "with headers, to build from source"
	headers, err := b.Install(ctx, w)
	if err != nil {
		return nil, err
	}
	b.headers = headers.Layer
	return layoutOfHeaders(headers.Use).Environ(env), nil
}

// layoutOfHeaders leaves the directories for compilers.
func layoutOfHeaders(l runtime.Layout) runtime.Layout {
	return runtime.Layout{Dir: l.Dir, Include: l.Include}
}

// keepCache adds the layers that only the next build needs. The installer's
// cache is begun anew when it has grown far beyond what the app uses.
func (b *build) keepCache(v *environment, kept bool) error {
	slot, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return err
	}
	if slot.There && !kept {
		used, err := sizeOf(v.dir)
		if err != nil {
			return err
		}
		held, err := sizeOf(slot.Layer.Path)
		if err != nil {
			return err
		}
		if held > cacheFactor*used+cacheFloor {
			b.Print.Detail("Clearing the installer's cache: %s, for packages of %s", report.Size(held), report.Size(used))
			if err := b.Scratch.Discard(slot.Layer.Path); err != nil {
				return err
			}
			slot.There = false
		}
	}
	if slot.There {
		v.layers = append(v.layers, slot.Describe(nil, nil))
	}
	if b.headers.Name != "" {
		v.layers = append(v.layers, b.headers)
		return nil
	}
	headers, err := layer.Open(b.Layers, headersLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err == nil && headers.There {
		// As the earlier build described it.
		v.layers = append(v.layers, headers.Layer)
	}
	return err
}

// The installer's cache may have so many times the bytes of the environment,
// and so many bytes besides.
const (
	cacheFactor = 4
	cacheFloor  = 256 << 20
)

// sizeOf are the bytes of the files of a tree.
func sizeOf(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// foreignIndexes are the indexes that a lock file names.
func foreignIndexes(packages []lock.Package) []string {
	var all []string
	for _, p := range packages {
		if p.Index != "" && !slices.Contains(all, p.Index) {
			all = append(all, p.Index)
		}
	}
	slices.Sort(all)
	return all
}
