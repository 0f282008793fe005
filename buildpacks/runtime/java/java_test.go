package java_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/slugc/slugc/buildpacks/runtime/java"
)

func certificate(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestTrustStore(t *testing.T) {
	a, b := certificate(t, "a"), certificate(t, "b")
	odd := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("odd")})
	first, err := java.TrustStore(bytes.Join([][]byte{[]byte("# note\n"), a, odd, b, a}, nil))
	if err != nil {
		t.Fatal(err)
	}
	read, err := pkcs12.DecodeTrustStore(first, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(read) != 2 {
		t.Errorf("the store has %d certificates, expected 2", len(read))
	}
	again, err := java.TrustStore(append(bytes.Clone(b), a...))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same certificates give other bytes (%v)", err)
	}
	for _, none := range []string{"", "nothing", string(odd)} {
		if _, err := java.TrustStore([]byte(none)); err == nil || !strings.Contains(err.Error(), "no certificate") {
			t.Errorf("%q: got %v", none, err)
		}
	}
}

func TestImage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "jre")
	image := java.Image{Home: "/jdk", Dir: dir, Modules: []string{"java.sql", "java.base", "java.sql"}}
	command := image.Command(map[string]string{"PATH": "/bin"})
	if got := command.String(); !strings.HasPrefix(got, "/jdk/bin/jlink --add-modules java.base,java.sql --output "+dir) {
		t.Errorf("got %s", got)
	}
	if got := (java.Image{Home: "/jdk", Dir: dir}).Command(nil).String(); !strings.Contains(got, strings.Join(java.DefaultModules(), ",")) {
		t.Errorf("got %s", got)
	}
	if err := image.Finish(certificate(t, "a")); err == nil {
		t.Error("finished a runtime that is not there")
	}
	for name, text := range map[string]string{"lib/modules": "modules", "lib/security/java.security": "settings", "man/java.1": "manual", "bin/java": "java"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/ssl/certs/java/cacerts", filepath.Join(dir, "lib/security/cacerts")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := image.Finish(certificate(t, "a")); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Lstat(filepath.Join(dir, "lib/security/cacerts"))
	if err != nil || !info.Mode().IsRegular() {
		t.Errorf("got %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "man")); err == nil {
		t.Error("the manual is still there")
	}
}
