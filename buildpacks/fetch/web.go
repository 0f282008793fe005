package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/workbench"
)

var sha256Form = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-fA-F]{64}$`) })

// web fetches an archive, or a buildpackage in a file, from an address.
func (f Fetcher) web(ctx context.Context, r reference) (k kept, err error) {
	want, err := checksum(r.fragment)
	if err != nil {
		return kept{}, err
	}
	if want != "" {
		if k, found, err := f.findFile(want); found || err != nil {
			return k, err
		}
	}
	known := "address " + r.at + " " + f.Target.String()
	if f.Offline {
		if k, found, err := f.noted(known); found && want == "" || err != nil {
			return k, err
		}
		return kept{}, notKept(redacted(r.at))
	}
	b, err := workbench.Open(f.Dir)
	if err != nil {
		return kept{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	file, err := os.OpenFile(filepath.Join(b.Dir, "download"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return kept{}, err
	}
	defer file.Close()
	got, err := f.download(ctx, r.at, file)
	if err != nil {
		return kept{}, err
	}
	if want != "" && got != want {
		return kept{}, &download.Error{Fault: download.Registry, Err: fmt.Errorf(
			"it does not have the checksum that it should have\nexpected: %s\ngot:      %s", want, got)}
	}
	if k, err = f.archive(ctx, file, got); err != nil {
		return kept{}, err
	}
	return k, f.remember(known, k)
}

// checksum is the digest that a fragment demands, "" for none.
func checksum(fragment string) (string, error) {
	if fragment == "" {
		return "", nil
	}
	sum, is := strings.CutPrefix(fragment, "sha256=")
	if !is || !sha256Form().MatchString(sum) {
		return "", fmt.Errorf("#%s is no checksum; expected #sha256= and 64 hexadecimal digits", fragment)
	}
	return "sha256:" + strings.ToLower(sum), nil
}

// download writes what an address has to a file, and returns its digest.
func (f Fetcher) download(ctx context.Context, address string, to io.Writer) (digest string, err error) {
	tell, end := f.progress("Fetching " + path.Base(redacted(address)))
	defer end()
	client := http.Client{}
	if f.Download.Client != nil {
		client = *f.Download.Client
	}
	client.CheckRedirect = onlySecure
	downloads := *f.Download
	downloads.Client = &client
	from, err := downloads.Open(ctx, download.Request{URL: address, Limit: f.Limits.Bytes, Progress: tell})
	if err != nil {
		return "", explainWeb(err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, sum), from); err != nil {
		return "", explainWeb(err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// mostRedirects is the number that browsers follow.
const mostRedirects = 20

// onlySecure leaves a redirect unfollowed that leads to plain http.
func onlySecure(to *http.Request, via []*http.Request) error {
	secure := to.URL.Scheme == "https" || via[0].URL.Scheme == "http" && loopback(to.URL.Hostname())
	if secure && len(via) <= mostRedirects {
		return nil
	}
	return http.ErrUseLastResponse
}

// explainWeb says what a server answered, for people.
func explainWeb(err error) error {
	status, ok := errors.AsType[*download.StatusError](err)
	switch {
	case !ok:
		return err
	case status.Code/100 == 3:
		return &said{"it is redirected to an address that is not https, or without end", err}
	case status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden:
		return &said{fmt.Sprintf("the server does not let you (%d %s)", status.Code, http.StatusText(status.Code)), err}
	case download.NotFound(err):
		return &said{"the server has no such file", err}
	}
	return err
}
