package repository

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/debian/control"
)

// AptSources reads where this machine's apt has Debian from: sources.list(5)
// in both of its forms, and the credentials of apt_auth.conf(5), which become
// part of the addresses. The file system is rooted at "/". What is disabled,
// what is not Debian (by the suites and components it names) and what is not
// reached by http, https or file does not count; without anything that does,
// the Sources are empty. Files that cannot be read, as an ordinary user may
// not read credentials, are passed over.
//
// Where there are several, an entry that is signed by Debian's keyring comes
// first, then one whose address has a directory called debian, then the order
// of the files.
func AptSources(fsys fs.FS) (Sources, error) {
	files, err := aptFiles(fsys, "etc/apt/sources.list", "etc/apt/sources.list.d", ".list", ".sources")
	if err != nil {
		return Sources{}, err
	}
	var entries []aptEntry
	for _, name := range files {
		data, err := readable(fsys, name)
		if err != nil {
			return Sources{}, err
		}
		if path.Ext(name) == ".sources" {
			entries = append(entries, parseDeb822(data)...)
		} else {
			entries = append(entries, parseOneLine(data)...)
		}
	}
	auth, err := readAptAuth(fsys)
	if err != nil {
		return Sources{}, err
	}
	return Sources{
		Debian:   auth.apply(best(entries, Debian)),
		Security: auth.apply(best(entries, Security)),
	}, nil
}

// aptFiles are a file and the files with one of the endings in a directory, in
// the order in which apt reads them, as far as they exist.
func aptFiles(fsys fs.FS, file, dir string, endings ...string) ([]string, error) {
	var files []string
	if _, err := fs.Stat(fsys, file); err == nil {
		files = append(files, file)
	}
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return files, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading apt's settings: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() && slices.Contains(endings, path.Ext(entry.Name())) {
			files = append(files, path.Join(dir, entry.Name()))
		}
	}
	return files, nil
}

// readable reads a file, nothing when this user may not read it.
func readable(fsys fs.FS, name string) ([]byte, error) {
	data, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading apt's settings: %w", err)
	}
	return data, nil
}

// aptEntry is one address in apt's sources with what is fetched from it.
type aptEntry struct {
	uri                string
	suites, components []string
	signedBy           string
}

// parseOneLine reads lines like
//
//	deb [signed-by=/path] http://host/debian trixie main contrib
func parseOneLine(data []byte) []aptEntry {
	var entries []aptEntry
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		rest, found := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !found || strings.TrimLeft(rest, " \t") == rest {
			continue
		}
		var e aptEntry
		rest = strings.TrimSpace(rest)
		if options, after, found := strings.Cut(rest, "]"); found && strings.HasPrefix(options, "[") {
			rest = after
			for option := range strings.FieldsSeq(options[1:]) {
				if value, found := strings.CutPrefix(option, "signed-by="); found {
					e.signedBy = value
				}
			}
		}
		fields := strings.Fields(rest)
		if len(fields) < 3 {
			continue
		}
		e.uri, e.suites, e.components = fields[0], fields[1:2], fields[2:]
		entries = append(entries, e)
	}
	return entries
}

// parseDeb822 reads stanzas with Types, URIs, Suites and Components.
func parseDeb822(data []byte) []aptEntry {
	// Comments may stand anywhere, also within a field.
	var plain bytes.Buffer
	for line := range bytes.Lines(data) {
		if !bytes.HasPrefix(line, []byte("#")) {
			plain.Write(line)
		}
	}
	var entries []aptEntry
	for stanza := range control.Paragraphs(plain.Bytes()) {
		if !slices.Contains(strings.Fields(stanza.Get("Types")), "deb") || disabled(stanza.Get("Enabled")) {
			continue
		}
		for uri := range strings.FieldsSeq(stanza.Get("URIs")) {
			entries = append(entries, aptEntry{
				uri:        uri,
				suites:     strings.Fields(stanza.Get("Suites")),
				components: strings.Fields(stanza.Get("Components")),
				signedBy:   stanza.Get("Signed-By"),
			})
		}
	}
	return entries
}

// disabled tells whether a word is one of those that apt takes for "no".
func disabled(enabled string) bool {
	return slices.Contains([]string{"no", "false", "without", "off", "disable", "0"}, strings.ToLower(strings.TrimSpace(enabled)))
}

// best is the first address among the likeliest ones for an archive, "" when
// there is none.
func best(entries []aptEntry, archive string) string {
	address, likeliest := "", -1
	for _, e := range entries {
		if !e.has(archive) {
			continue
		}
		u, err := parseBase(strings.ReplaceAll(e.uri, snapshotID, ""))
		if err != nil {
			continue
		}
		if rank := e.rank(u); rank > likeliest {
			address, likeliest = strings.TrimRight(e.uri, "/"), rank
		}
	}
	return address
}

// has tells whether an entry may be that of an archive: many others name their
// suites after Debian's, and fewer their components too.
func (e aptEntry) has(archive string) bool {
	return slices.Contains(e.components, "main") && slices.ContainsFunc(e.suites, func(suite string) bool {
		return archiveOf(suite) == archive
	})
}

func (e aptEntry) rank(u *url.URL) int {
	switch {
	case strings.Contains(e.signedBy, "debian-archive"):
		return 2
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(dir string) bool {
		return dir == "debian" || strings.HasPrefix(dir, "debian-")
	}):
		return 1
	}
	return 0
}

// archiveOf is the archive that a suite is in by its name, "" for one that is
// not Debian's.
func archiveOf(suite string) string {
	suite = strings.TrimSuffix(suite, "/")
	name, part := suite, ""
	if i := strings.IndexAny(suite, "-/"); i >= 0 {
		name, part = suite[:i], suite[i+1:]
	}
	switch name {
	case "stable", "oldstable", "oldoldstable", "testing", "unstable", "experimental",
		"stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid":
	default:
		return ""
	}
	switch {
	// Up to Debian 10 the security archive's suites were called buster/updates.
	case part == "security", strings.HasSuffix(suite, "/updates"):
		return Security
	case part == "", part == "updates", part == "proposed-updates", strings.HasPrefix(part, "backports"):
		return Debian
	}
	return ""
}
