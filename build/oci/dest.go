package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/pack"
)

// Destination takes an image somewhere.
type Destination interface {
	// Export takes the image there and returns what it became. When it
	// fails, the destination holds what it held before.
	Export(ctx context.Context, image Image) (artifact.Artifact, error)
}

var (
	_ Destination = Layout{}
	_ Destination = Archive{}
	_ Destination = Registry{}
	_ Destination = Daemon{}
)

// Checker is a destination that can say before the build what would keep an
// image from getting there.
type Checker interface {
	// Check changes nothing.
	Check(ctx context.Context) error
}

var (
	_ Checker = Layout{}
	_ Checker = Archive{}
	_ Checker = Registry{}
	_ Checker = Daemon{}
)

// Access is what destinations need to do their work. All of it is optional.
type Access struct {
	// Memory remembers which blobs of a layout are known to be whole.
	Memory pack.Store
	// Keychain has the credentials for registries.
	Keychain authn.Keychain
	// Transport reaches registries.
	Transport http.RoundTripper
	// Daemon says which Docker daemon is meant.
	Daemon daemon.Config
	// Progress is told how many of the bytes that have to be copied are, one
	// call at a time.
	Progress func(done, total int64)
	// Warn hears of trouble with the memory. Without it such trouble is an
	// error.
	Warn func(error)
}

// HasTransport tells whether a reference says how an image can be opened there: oci:,
// oci-archive: or docker://.
func HasTransport(ref string) bool {
	for _, transport := range []string{"oci:", "oci-archive:", "docker://"} {
		if strings.HasPrefix(ref, transport) {
			return true
		}
	}
	return false
}

// ParseDest reads a destination: oci:DIR[:TAG], oci-archive:FILE[:TAG],
// docker://REGISTRY/REPO[:TAG] or docker-daemon:REPO[:TAG]. What follows the last
// colon is a tag if it can be one.
func ParseDest(dest string, access Access) (Destination, error) {
	if rest, found := strings.CutPrefix(dest, "oci:"); found {
		dir, tag := splitTag(rest)
		if dir == "" {
			return nil, destError(dest, errors.New("it names no directory"))
		}
		return Layout{Dir: dir, Tag: tag, Memory: access.Memory, Progress: access.Progress, Warn: access.Warn}, nil
	}
	if rest, found := strings.CutPrefix(dest, "oci-archive:"); found {
		file, tag := splitTag(rest)
		if file == "" || strings.HasSuffix(file, "/") {
			return nil, destError(dest, errors.New("it names no file"))
		}
		return Archive{File: file, Tag: tag, Progress: access.Progress}, nil
	}
	if rest, found := strings.CutPrefix(dest, "docker://"); found {
		ref, err := name.NewTag(rest, name.WeakValidation)
		if err != nil {
			return nil, destError(dest, err)
		}
		return Registry{Tag: ref, Keychain: access.Keychain, Transport: access.Transport, Progress: access.Progress}, nil
	}
	if rest, found := strings.CutPrefix(dest, DaemonKind+":"); found {
		ref, err := parseDaemon(rest)
		if err != nil {
			return nil, destError(dest, err)
		}
		return Daemon{Name: ref, Config: access.Daemon, Progress: access.Progress, Warn: access.Warn}, nil
	}
	return nil, destError(dest, errors.New("unknown transport"))
}

// destError says what a destination has to look like.
func destError(dest string, err error) error {
	return fmt.Errorf("destination %q: %w; expected oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://REGISTRY/REPO:TAG or docker-daemon:REPO:TAG", dest, err)
}

// splitTag splits PATH[:TAG].
func splitTag(s string) (path, tag string) {
	tagged := regexp.MustCompile(`^(.*):([\w][\w.-]{0,127})$`).FindStringSubmatch(s)
	if tagged == nil {
		return s, ""
	}
	return tagged[1], tagged[2]
}

// joinTag is the opposite of splitTag.
func joinTag(path, tag string) string {
	if tag == "" {
		return path
	}
	return path + ":" + tag
}
