package builder

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/stack/launch"
)

// LifecycleArchive is the files of a lifecycle as platforms take them into
// builders: a tar, plain or compressed with gzip, with lifecycle.toml at its top
// and the programs in one directory below.
type LifecycleArchive []byte

// lifecycleDescriptor is a lifecycle.toml (buildpacks RFC 0011).
type lifecycleDescriptor struct {
	Lifecycle struct {
		Version string `toml:"version"`
	} `toml:"lifecycle"`
	API  lifecycleAPI  `toml:"api"`
	APIs lifecycleAPIs `toml:"apis"`
}

// lifecycleInfo is what the label of a builder says of its lifecycle.
type lifecycleInfo struct {
	Version string        `json:"version"`
	API     lifecycleAPI  `json:"api"`
	APIs    lifecycleAPIs `json:"apis"`
}

// lifecycleAPI is the earliest APIs, which is all that there was to say once.
type lifecycleAPI struct {
	Buildpack *string `json:"buildpack" toml:"buildpack"`
	Platform  *string `json:"platform" toml:"platform"`
}

type lifecycleAPIs struct {
	Buildpack apiVersions `json:"buildpack" toml:"buildpack"`
	Platform  apiVersions `json:"platform" toml:"platform"`
}

type apiVersions struct {
	Deprecated []string `json:"deprecated" toml:"deprecated"`
	Supported  []string `json:"supported" toml:"supported"`
}

// all are the versions, whether deprecated or not.
func (v apiVersions) all() []string { return slices.Concat(v.Deprecated, v.Supported) }

// earliest is the first of all versions; nil where none is supported.
func (v apiVersions) earliest() *string {
	if len(v.Supported) == 0 {
		return nil
	}
	first := slices.MinFunc(v.all(), compareVersions)
	return &first
}

// compareVersions compares X.Y by numbers.
func compareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]))
}

func versionParts(version string) (parts [2]int) {
	major, minor, _ := strings.Cut(version, ".")
	for i, text := range []string{major, minor} {
		// What is no number counts as zero: it is compared exactly elsewhere.
		if n, err := strconv.Atoi(text); err == nil {
			parts[i] = n
		}
	}
	return parts
}

// semver is the versions that platforms compare (https://semver.org, "Backus-Naur
// Form Grammar").
var semver = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// lifecycle is a lifecycle that was read.
type lifecycle struct {
	lifecycleInfo
	// entries are the files of the directory of the archive, in its order.
	entries []lifecycleEntry
}

// lifecycleEntry is a file of a lifecycle, with the name that it has in its
// directory and the header that it has in the archive.
type lifecycleEntry struct {
	name    string
	header  tar.Header
	content []byte
}

// lifecyclePhases are the programs that a builder needs.
func lifecyclePhases() []string {
	return []string{"detector", "restorer", "analyzer", "builder", "exporter", "launcher", "creator"}
}

// Bounds of a lifecycle: entries, and bytes of all of them.
const (
	maxLifecycleEntries = 1000
	maxLifecycleBytes   = 512 << 20
)

// read reads the archive, for images of an architecture.
func (a LifecycleArchive) read(arch string) (lifecycle, error) {
	var l lifecycle
	var descriptor []byte
	err := a.each(func(name string, h *tar.Header, content []byte) error {
		dir, file := path.Split(name)
		switch {
		case name == lifecycleFile:
			descriptor = content
		case dir != "" && strings.Count(dir, "/") == 1:
			l.entries = append(l.entries, lifecycleEntry{file, *h, content})
		}
		return nil
	})
	if err != nil {
		return lifecycle{}, fmt.Errorf("reading the archive: %w", err)
	}
	if descriptor == nil {
		return lifecycle{}, fmt.Errorf("the archive has no %s at its top", lifecycleFile)
	}
	if l.lifecycleInfo, err = parseLifecycle(descriptor); err != nil {
		return lifecycle{}, fmt.Errorf("%s: %w", lifecycleFile, err)
	}
	return l, l.check(arch)
}

// lifecycleFile says what a lifecycle is.
const lifecycleFile = "lifecycle.toml"

// each reads the entries of the archive.
func (a LifecycleArchive) each(f func(name string, h *tar.Header, content []byte) error) error {
	buffered := bufio.NewReader(bytes.NewReader(a))
	var plain io.Reader = buffered
	if head, err := buffered.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		plain = unzipped
	}
	return eachEntry(plain, func(string) bool { return true }, f)
}

// eachEntry reads the entries of a tar whose names are wanted.
func eachEntry(plain io.Reader, wanted func(name string) bool, f func(name string, h *tar.Header, content []byte) error) error {
	archive := tar.NewReader(plain)
	left, entries := int64(maxLifecycleBytes), 0
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if !wanted(name) {
			continue
		}
		if entries++; entries > maxLifecycleEntries {
			return fmt.Errorf("it has more than %d entries", maxLifecycleEntries)
		}
		if left -= h.Size; left < 0 {
			return fmt.Errorf("it has more than %d MiB", maxLifecycleBytes>>20)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := f(name, h, content); err != nil {
			return err
		}
	}
}

// parseLifecycle reads a lifecycle.toml.
func parseLifecycle(data []byte) (lifecycleInfo, error) {
	var doc lifecycleDescriptor
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return lifecycleInfo{}, err
	}
	info := lifecycleInfo{Version: doc.Lifecycle.Version, API: doc.API, APIs: doc.APIs}
	if err := info.complete(); err != nil {
		return lifecycleInfo{}, err
	}
	return info, nil
}

// complete fills in what older and newer descriptors leave out, and says what is
// missing.
func (l *lifecycleInfo) complete() error {
	if len(l.APIs.Buildpack.Supported)+len(l.APIs.Platform.Supported) == 0 {
		if l.API.Buildpack != nil && l.API.Platform != nil {
			l.APIs = lifecycleAPIs{
				Buildpack: apiVersions{Supported: []string{*l.API.Buildpack}}, Platform: apiVersions{Supported: []string{*l.API.Platform}},
			}
		}
	} else {
		if first := l.APIs.Buildpack.earliest(); first != nil {
			l.API.Buildpack = first
		}
		if first := l.APIs.Platform.earliest(); first != nil {
			l.API.Platform = first
		}
	}
	switch {
	case l.Version == "":
		return errors.New("no version; expected [lifecycle] and version = \"X.Y.Z\"")
	case !semver.MatchString(l.Version):
		return fmt.Errorf("version %.100q; expected X.Y.Z", l.Version)
	case len(l.APIs.Buildpack.all()) == 0 || len(l.APIs.Platform.all()) == 0:
		return errors.New("no APIs; expected supported in [apis.buildpack] and in [apis.platform]")
	}
	return nil
}

// check makes sure that a builder of an architecture can use the lifecycle.
func (l lifecycle) check(arch string) error {
	var missing []string
	for _, phase := range lifecyclePhases() {
		if !slices.ContainsFunc(l.entries, func(e lifecycleEntry) bool { return e.name == phase }) {
			missing = append(missing, phase)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("it lacks %s", strings.Join(missing, ", "))
	}
	want, known := map[string]elf.Machine{
		"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390, "riscv64": elf.EM_RISCV,
	}[arch]
	for _, e := range l.entries {
		program, err := elf.NewFile(bytes.NewReader(e.content))
		if err != nil || !known || program.Machine == want {
			continue
		}
		return fmt.Errorf("%s is a program for another machine (%s) than the builder (%s)", e.name, program.Machine, arch)
	}
	return nil
}

// speaks is whether the lifecycle knows a Buildpack API.
func (l lifecycleInfo) speaks(api string) bool { return slices.Contains(l.APIs.Buildpack.all(), api) }
