package configure

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Places of certificates in Debian.
const (
	authorities = "usr/share/ca-certificates"
	certsDir    = "etc/ssl/certs"
	bundle      = certsDir + "/ca-certificates.crt"
)

// certificatesConf stands at the top of ca-certificates.conf, which lists the
// authorities that are trusted, by path below /usr/share/ca-certificates.
const certificatesConf = `# This file lists certificates that you wish to use or to ignore to be
# installed in /etc/ssl/certs.
# update-ca-certificates(8) will update /etc/ssl/certs by reading this file.
#
# Certificates should be installed under /usr/share/ca-certificates
# and files with extension '.crt' is recognized as available certs.
#
# line begins with # is comment.
# line begins with ! is certificate filename to be deselected.
#
`

// authority is the certificate of an authority that is trusted.
type authority struct {
	// file is its path below authorities, pem the name of its link.
	file, pem string
	text      []byte
	der       []byte
}

// certificates does what update-ca-certificates(8) does: one file with all
// authorities, and a directory where OpenSSL finds each by the hash of its
// name.
func (s system) certificates() error {
	trusted, err := s.authorities("")
	if err != nil || len(trusted) == 0 {
		return err
	}
	var all bytes.Buffer
	conf := certificatesConf
	links := map[string]authority{}
	for _, a := range trusted {
		all.Write(a.text)
		if !bytes.HasSuffix(a.text, []byte("\n")) {
			all.WriteByte('\n')
		}
		conf += a.file + "\n"
		links[a.pem] = a
	}
	if err := s.write("etc/ca-certificates.conf", []byte(conf), 0o644); err != nil {
		return err
	}
	if err := s.write(bundle, all.Bytes(), 0o644); err != nil {
		return err
	}
	for _, a := range links {
		if err := s.link(certsDir+"/"+a.pem, "/"+authorities+"/"+a.file); err != nil {
			return err
		}
	}
	if err := s.rehash(links); err != nil {
		return err
	}
	return s.openssl()
}

// authorities reads the certificates below a directory, sorted by path.
func (s system) authorities(dir string) ([]authority, error) {
	entries, err := s.list(path.Join(authorities, dir))
	if err != nil {
		return nil, err
	}
	var all []authority
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			below, err := s.authorities(file)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
		case e.Type()&(fs.ModeType&^fs.ModeSymlink) == 0 && strings.HasSuffix(file, ".crt"):
			a, err := s.authority(file)
			if err != nil {
				return nil, fmt.Errorf("reading the certificate /%s/%s: %w", authorities, file, err)
			}
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b authority) int { return strings.Compare(a.file, b.file) })
	return all, nil
}

func (s system) authority(file string) (authority, error) {
	text, err := s.read(path.Join(authorities, file))
	if err != nil {
		return authority{}, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return authority{}, fmt.Errorf("expected a certificate in PEM")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return authority{}, fmt.Errorf("expected one certificate in PEM, found more")
	}
	name := strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").
		Replace(strings.TrimSuffix(path.Base(file), ".crt"))
	return authority{file: file, pem: name + ".pem", text: text, der: block.Bytes}, nil
}

// rehash makes the links of openssl-rehash(1): the hash of a certificate's
// subject, and a number that counts the certificates with the same hash in the
// order of their files' names.
func (s system) rehash(links map[string]authority) error {
	names := make([]string, 0, len(links))
	for name := range links {
		names = append(names, name)
	}
	slices.Sort(names)
	taken := map[uint32][][sha256.Size]byte{}
	for _, name := range names {
		a := links[name]
		hash, err := subjectHash(a.der)
		if err != nil {
			return fmt.Errorf("reading the certificate /%s/%s: %w", authorities, a.file, err)
		}
		fingerprint := sha256.Sum256(a.der)
		if slices.Contains(taken[hash], fingerprint) {
			continue
		}
		link := fmt.Sprintf("%s/%08x.%d", certsDir, hash, len(taken[hash]))
		if err := s.link(link, name); err != nil {
			return err
		}
		taken[hash] = append(taken[hash], fingerprint)
	}
	return nil
}

// openssl lets libssl find the authorities where package openssl is missing:
// it searches below /usr/lib/ssl, and the links there come with that package.
func (s system) openssl() error {
	for _, l := range []struct{ name, target string }{
		{"usr/lib/ssl/certs", "/" + certsDir},
		{"usr/lib/ssl/cert.pem", "/" + bundle},
	} {
		place, err := s.place(l.name, false)
		if err != nil {
			return err
		}
		if _, err := s.root.Lstat(place); err == nil {
			continue
		}
		if err := s.link(l.name, l.target); err != nil {
			return err
		}
	}
	return nil
}
