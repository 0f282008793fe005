package npm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/stack/download"
)

const (
	// maxDocument bounds the document of a package: the largest public ones
	// have some tens of megabytes in the full form.
	maxDocument = 256 << 20
	// maxVersion bounds the document of one version.
	maxVersion = 16 << 20
	// maxTarball bounds the files of a package, packed.
	maxTarball = 1 << 30
	// abbreviated asks for the short form of a document (npm registry API,
	// "package metadata"); a mirror may answer with the full one.
	abbreviated = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"
)

// Registry asks the npm registries of a configuration.
type Registry struct {
	Config  Config
	Fetcher *download.Fetcher
}

// Address is the registry of a package, without credentials.
func (r *Registry) Address(name string) (string, error) {
	from, err := r.Config.Registry(name)
	if err != nil {
		return "", err
	}
	return download.Redacted(from.URL.String()), nil
}

// Packument is what the registry knows about a package.
func (r *Registry) Packument(ctx context.Context, name string) (Packument, error) {
	from, err := r.Config.Registry(name)
	if err != nil {
		return Packument{}, err
	}
	data, err := r.document(ctx, from, maxDocument, escape(name))
	if download.NotFound(err) {
		return Packument{}, &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s has no package %s\n%w", from, name, err)}
	}
	if err != nil {
		return Packument{}, r.explain(from, err)
	}
	var p Packument
	if err := json.Unmarshal(data, &p); err != nil {
		return Packument{}, &download.Error{Fault: download.Registry,
			Err: fmt.Errorf("%s answers about package %s, but not as an npm registry does: %w", from, name, err)}
	}
	p.Name = name
	return p, nil
}

// Version is what the registry knows about one version of a package. It
// returns a *MissingError when there is no such version.
func (r *Registry) Version(ctx context.Context, name, version string) (Manifest, error) {
	from, err := r.Config.Registry(name)
	if err != nil {
		return Manifest{}, err
	}
	data, err := r.document(ctx, from, maxVersion, escape(name), url.PathEscape(version))
	var m Manifest
	switch {
	case download.NotFound(err), err == nil && json.Unmarshal(data, &m) != nil:
		// Some registries have only the document of the whole package.
		exact, err := ParseRange(version)
		if err != nil {
			return Manifest{}, err
		}
		return r.among(ctx, name, exact, nil)
	case err != nil:
		return Manifest{}, r.explain(from, err)
	}
	m.Name, m.Version = name, version
	return m, nil
}

// Resolve is the newest version of a package in a range. Where the range also
// allows versions of a preferred range, it is the newest of the first such. It
// returns a *MissingError when there is none.
func (r *Registry) Resolve(ctx context.Context, name string, wanted Range, preferred ...Range) (Manifest, error) {
	if version, exact := wanted.Exact(); exact {
		return r.Version(ctx, name, version)
	}
	return r.among(ctx, name, wanted, preferred)
}

func (r *Registry) among(ctx context.Context, name string, wanted Range, preferred []Range) (Manifest, error) {
	p, err := r.Packument(ctx, name)
	if err != nil {
		return Manifest{}, err
	}
	var allowed []string
	for _, version := range p.list() {
		if wanted.Allows(version) {
			allowed = append(allowed, version)
		}
	}
	best := ""
	for _, r := range append(preferred, wanted) {
		if best = r.Best(allowed); best != "" {
			break
		}
	}
	if best == "" {
		from, err := r.Config.Registry(name)
		if err != nil {
			return Manifest{}, err
		}
		return Manifest{}, &MissingError{Package: name, Range: wanted.text, Registry: from.String(), Nearest: wanted.Nearest(p.list(), 3)}
	}
	return p.manifest(best)
}

// MissingError says that a package has no version that is wanted.
type MissingError struct {
	Package, Range string
	// Registry is the address and its origin.
	Registry string
	// Nearest are versions that there are.
	Nearest []string
}

func (e *MissingError) Error() string {
	nearest := "it has no versions at all"
	if len(e.Nearest) > 0 {
		nearest = "nearest are " + strings.Join(e.Nearest, ", ")
	}
	return fmt.Sprintf("%s has no version %q of package %s; %s", e.Registry, e.Range, e.Package, nearest)
}

// Install downloads and verifies one version of a package and unpacks what is
// selected of it to a directory (see download.Fetcher.Install).
func (r *Registry) Install(ctx context.Context, m Manifest, dir string, s download.Selection, progress func(done, total int64)) error {
	archive, err := r.archive(m, progress)
	if err != nil {
		return err
	}
	for _, file := range m.Bin {
		s.Executable = append(s.Executable, path.Clean(file))
	}
	if err := r.Fetcher.Install(ctx, archive, dir, s); err != nil {
		return r.blame(m, err)
	}
	return nil
}

// Tarball downloads the files of one version of a package, packed, and verifies
// them. What was written when it fails is of no use.
func (r *Registry) Tarball(ctx context.Context, m Manifest, to io.Writer) error {
	archive, err := r.archive(m, nil)
	if err != nil {
		return err
	}
	if err := r.Fetcher.Save(ctx, archive, to); err != nil {
		return r.blame(m, err)
	}
	return nil
}

// LockAddress is the address of the files of a version for the "resolved" of a
// lock file. It is that of the public registry, as in most lock files, where
// npm reads it as a word for the configured one: so it says nothing about the
// machine on which it was made.
func (r *Registry) LockAddress(m Manifest) (string, error) {
	from, err := r.Config.Registry(m.Name)
	if err != nil {
		return "", err
	}
	m.Dist.Tarball = ""
	address, err := r.tarball(m, from)
	if err != nil {
		return "", err
	}
	everyone, err := r.Config.Registry("")
	if err != nil || r.Config.Value("replace-registry-host") == "never" || *everyone.URL != *from.URL {
		return address.String(), err
	}
	public, err := url.Parse(purl.DefaultRegistry("npm"))
	if err != nil || public.Host == "" {
		return address.String(), nil
	}
	return public.JoinPath(m.Name, "-", path.Base(address.Path)).String(), nil
}

// archive is the tarball of a version.
func (r *Registry) archive(m Manifest, progress func(done, total int64)) (download.Archive, error) {
	subject := m.Name + "@" + m.Version
	var integrity download.Integrity
	var err error
	switch {
	case m.Dist.Integrity != "":
		integrity, err = download.ParseIntegrity(m.Dist.Integrity)
	case m.Dist.Shasum != "":
		integrity, err = download.ParseSHA1(m.Dist.Shasum)
	default:
		err = errors.New("there is none")
	}
	if err != nil {
		return download.Archive{}, &download.Error{Fault: download.Registry, Err: fmt.Errorf("reading the checksum of %s: %w", subject, err)}
	}
	from, err := r.Config.Registry(m.Name)
	if err != nil {
		return download.Archive{}, err
	}
	address, err := r.tarball(m, from)
	if err != nil {
		return download.Archive{}, err
	}
	header, err := r.header(from, address)
	if err != nil {
		return download.Archive{}, err
	}
	return download.Archive{
		Subject:   subject,
		Integrity: integrity,
		Request:   download.Request{URL: address.String(), Header: header, Limit: maxTarball, Progress: progress},
	}, nil
}

// tarball is the address of the files of a version.
func (r *Registry) tarball(m Manifest, from Address) (*url.URL, error) {
	if m.Dist.Tarball == "" {
		conventional := from.URL.JoinPath(m.Name, "-", path.Base(m.Name)+"-"+m.Version+".tgz")
		conventional.User = nil
		return conventional, nil
	}
	address, err := url.Parse(m.Dist.Tarball)
	if err != nil || address.Host == "" {
		return nil, &download.Error{Fault: download.Registry,
			Err: fmt.Errorf("%s has no address for the files of %s@%s", from, m.Name, m.Version)}
	}
	return r.Config.rehost(address, from.URL), nil
}

// rehost puts the configured registry in the place of a tarball's host, as
// npm's setting replace-registry-host says: by default that of the public
// registry.
func (c Config) rehost(tarball, registry *url.URL) *url.URL {
	replaced := c.Value("replace-registry-host")
	if replaced == "" || replaced == "npmjs" {
		public, err := url.Parse(purl.DefaultRegistry("npm"))
		if err != nil {
			return tarball
		}
		replaced = public.Hostname()
	}
	if replaced != "always" && replaced != tarball.Hostname() || registry.Host == tarball.Host {
		return tarball
	}
	moved := *tarball
	moved.Scheme, moved.Host, moved.User = registry.Scheme, registry.Host, nil
	if !strings.HasPrefix(moved.Path, registry.Path) {
		moved.RawPath = ""
		moved.Path = registry.Path + strings.TrimPrefix(moved.Path, "/")
	}
	return &moved
}

func (r *Registry) document(ctx context.Context, from Address, limit int64, path ...string) ([]byte, error) {
	address := from.URL.JoinPath(path...)
	header, err := r.header(from, address)
	if err != nil {
		return nil, err
	}
	header.Set("Accept", abbreviated)
	address.User = nil
	return r.Fetcher.Document(ctx, download.Request{URL: address.String(), Header: header, Limit: limit})
}

// header holds the credentials for an address of a registry.
func (r *Registry) header(from Address, address *url.URL) (http.Header, error) {
	header := http.Header{}
	authorization, err := r.Config.authorization(address)
	if err != nil {
		return nil, err
	}
	if user := from.URL.User; authorization == "" && user != nil && address.Host == from.URL.Host {
		password, _ := user.Password()
		authorization = basic(user.Username() + ":" + password)
	}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return header, nil
}

// escape is a package name as one segment of a path.
func escape(name string) string { return strings.ReplaceAll(name, "/", "%2f") }

// String is the registry for messages, with where its address comes from.
func (a Address) String() string {
	where := "the npm registry " + download.Redacted(a.URL.String())
	if a.Origin != "" {
		where += " (from " + a.Origin + ")"
	}
	return where
}

// explain says what to do when a registry cannot be asked.
func (r *Registry) explain(from Address, err error) error {
	var status *download.StatusError
	if errors.As(err, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden) {
		return &download.Error{Fault: download.App, Err: fmt.Errorf("%s refuses the request: %w\n"+
			"if it wants a login, give it one:\n"+
			"  npm config set //%s%s:_authToken=TOKEN --location=user", from, err, from.URL.Host, from.URL.Path)}
	}
	if download.FaultOf(err) == download.Passing {
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("%s does not answer as it should: %w\n"+
			"try again later, or name another registry:\n"+
			"  export NPM_CONFIG_REGISTRY=https://HOST/PATH/", from, err)}
	}
	return fmt.Errorf("asking %s: %w", from, err)
}

// blame says whose fault a package is that could not be installed.
func (r *Registry) blame(m Manifest, err error) error {
	from, addressErr := r.Config.Registry(m.Name)
	if addressErr != nil {
		return errors.Join(err, addressErr)
	}
	var wrong *download.IntegrityError
	if errors.As(err, &wrong) {
		return &download.Error{Fault: download.Registry, Err: fmt.Errorf("%w\n"+
			"this is neither the app's fault nor slugc's: %s serves a file that its own document contradicts.\n"+
			"Ask its operator to clear its cache of %s", err, from, wrong.Subject)}
	}
	return r.explain(from, err)
}
