package java

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// manifestName is where a jar says what it is (Java, "JAR File Specification").
const manifestName = "META-INF/MANIFEST.MF"

// maxManifest bounds the small files of a jar that are read, in bytes.
const maxManifest = 4 << 20

// manifest is the main section of a jar's manifest, in order.
type manifest []attribute

type attribute struct{ name, value string }

// get is the value of an attribute, "" when it is not there.
func (m manifest) get(name string) string {
	for _, a := range m {
		if strings.EqualFold(a.name, name) {
			return a.value
		}
	}
	return ""
}

// with is the manifest with an attribute in the place of the one of its name; an
// empty value takes it out.
func (m manifest) with(name, value string) manifest {
	var all manifest
	for _, a := range m {
		if !strings.EqualFold(a.name, name) {
			all = append(all, a)
		}
	}
	if value != "" {
		all = append(all, attribute{name, value})
	}
	return all
}

// attributeName is what an attribute may be called.
var attributeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,70}$`) })

// parseManifest reads the main section. A line that begins with a blank goes on
// with the one before it.
func parseManifest(data []byte) manifest {
	var m manifest
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\r", "\n")) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" && len(m) > 0:
			// The line end of some files is two characters.
			if bytes.Contains(data, []byte("\r\n")) {
				continue
			}
			return m
		case line == "":
		case line[0] == ' ' && len(m) > 0:
			m[len(m)-1].value += line[1:]
		default:
			if name, value, found := strings.Cut(line, ":"); found {
				if name == "Name" {
					return m // the first section of a single entry
				}
				if !attributeName().MatchString(name) {
					continue
				}
				m = append(m, attribute{name, strings.TrimPrefix(value, " ")})
			}
		}
	}
	return m
}

// text is the manifest as a file: lines of at most 72 bytes.
func (m manifest) text() []byte {
	var b bytes.Buffer
	if m.get("Manifest-Version") == "" {
		m = append(manifest{{"Manifest-Version", "1.0"}}, m...)
	}
	for _, a := range m {
		line := a.name + ": " + a.value
		for len(line) > 72 {
			b.WriteString(line[:72] + "\r\n")
			line = " " + line[72:]
		}
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// jar is a jar that was opened.
type jar struct {
	*zip.ReadCloser
	manifest manifest
}

func openJar(file string) (jar, error) {
	reader, err := zip.OpenReader(file)
	if err != nil {
		return jar{}, err
	}
	j := jar{ReadCloser: reader}
	data, err := j.read(manifestName)
	if err != nil {
		return jar{}, errors.Join(err, reader.Close())
	}
	j.manifest = parseManifest(data)
	return j, nil
}

// read is a small file of the jar, nil when there is none.
func (j jar) read(name string) ([]byte, error) {
	for _, entry := range j.File {
		if entry.Name == name {
			return readEntry(entry, maxManifest)
		}
	}
	return nil, nil
}

func readEntry(entry *zip.File, most int64) (data []byte, err error) {
	from, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	data, err = io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", entry.Name, most)
	}
	return data, err
}

// has tells whether an entry begins with a name.
func (j jar) has(prefix string) bool {
	return slices.ContainsFunc(j.File, func(entry *zip.File) bool { return strings.HasPrefix(entry.Name, prefix) })
}

// signed tells whether somebody signed it: then its entries stay together.
func (j jar) signed() bool {
	return slices.ContainsFunc(j.File, func(entry *zip.File) bool {
		dir, name := path.Split(entry.Name)
		return dir == "META-INF/" && (strings.HasSuffix(name, ".SF") || strings.HasSuffix(name, ".RSA") || strings.HasSuffix(name, ".DSA") || strings.HasSuffix(name, ".EC"))
	})
}

// jarWriter writes a jar whose bytes depend only on what is in it: entries are
// sorted, and have one time.
type jarWriter struct {
	date time.Time
	// files are entries of other jars by their names in this one, and texts are
	// new ones.
	files map[string]*zip.File
	texts map[string][]byte
}

func newJarWriter(date time.Time) *jarWriter {
	return &jarWriter{date: date, files: map[string]*zip.File{}, texts: map[string][]byte{}}
}

// take adds an entry of another jar, unless the name is taken.
func (w *jarWriter) take(name string, entry *zip.File) {
	if _, taken := w.files[name]; !taken {
		w.files[name] = entry
	}
}

// write writes the jar to a file that does not exist. Compressed data is copied
// as it is.
func (w *jarWriter) write(file string) (err error) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z := zip.NewWriter(out)
	var names []string
	for name := range w.files {
		if _, replaced := w.texts[name]; !replaced {
			names = append(names, name)
		}
	}
	for name := range w.texts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		// Readers of jars expect the manifest first.
		for _, first := range []string{"META-INF/", manifestName} {
			switch {
			case a == b:
				return 0
			case a == first:
				return -1
			case b == first:
				return 1
			}
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if text, is := w.texts[name]; is {
			if err := w.writeText(z, name, text); err != nil {
				return err
			}
			continue
		}
		if err := w.copyEntry(z, name, w.files[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return z.Close()
}

// header is that of an entry with nothing in it that changes.
func (w *jarWriter) header(name string) *zip.FileHeader {
	h := &zip.FileHeader{Name: name, Method: zip.Store}
	// The time as Unix has it (APPNOTE, "Extended Timestamp"), which Java prefers
	// to that of DOS, which has no zone.
	h.Extra = binary.LittleEndian.AppendUint32([]byte{0x55, 0x54, 5, 0, 1}, uint32(w.date.Unix()&math.MaxUint32))
	return h
}

func (w *jarWriter) writeText(z *zip.Writer, name string, text []byte) error {
	h := w.header(name)
	h.CRC32 = crc32.ChecksumIEEE(text)
	h.UncompressedSize64, h.CompressedSize64 = uint64(len(text)), uint64(len(text))
	to, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return err
}

func (w *jarWriter) copyEntry(z *zip.Writer, name string, entry *zip.File) error {
	h := w.header(name)
	h.Method = entry.Method
	h.CRC32 = entry.CRC32
	h.UncompressedSize64, h.CompressedSize64 = entry.UncompressedSize64, entry.CompressedSize64
	if strings.HasSuffix(name, "/") {
		h.Method, h.CRC32, h.UncompressedSize64, h.CompressedSize64 = zip.Store, 0, 0, 0
		_, err := z.CreateRaw(h)
		return err
	}
	if entry.NonUTF8 {
		h.NonUTF8 = true
	} else {
		h.Flags |= 0x800
	}
	from, err := entry.OpenRaw()
	if err != nil {
		return err
	}
	to, err := z.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return err
}

// normalise copies a jar so that its bytes depend only on what is in it. What is
// no jar is an error.
func normalise(from, to string, date time.Time) error {
	j, err := openJar(from)
	if err != nil {
		return err
	}
	w := newJarWriter(date)
	for _, entry := range j.File {
		w.take(entry.Name, entry)
	}
	return errors.Join(w.write(to), j.Close())
}
