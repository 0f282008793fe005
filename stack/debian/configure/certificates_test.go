package configure_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
)

// Types of the attributes of names.
var (
	country      = asn1.ObjectIdentifier{2, 5, 4, 6}
	organization = asn1.ObjectIdentifier{2, 5, 4, 10}
	unit         = asn1.ObjectIdentifier{2, 5, 4, 11}
	commonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// part is one attribute of a name. Go writes a string in PrintableString where
// it can; an asn1.RawValue stands for itself.
func part(kind asn1.ObjectIdentifier, value any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: kind, Value: value}
}

// isrg is the name of an authority whose hash everybody knows.
func isrg() []pkix.AttributeTypeAndValue {
	return []pkix.AttributeTypeAndValue{
		part(country, "US"), part(organization, "Internet Security Research Group"), part(commonName, "ISRG Root X1"),
	}
}

// certificateOf makes a certificate with a subject and a serial number.
func certificateOf(t testing.TB, serial int64, name []pkix.AttributeTypeAndValue) string {
	t.Helper()
	var sequence pkix.RDNSequence
	for _, a := range name {
		sequence = append(sequence, pkix.RelativeDistinguishedNameSET{a})
	}
	subject, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), RawSubject: subject,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<31, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func testCertificates(t *testing.T, _ spec.G, it spec.S) {
	const mozilla = "/usr/share/ca-certificates/mozilla/"

	it("makes the bundle and the links of update-ca-certificates", func() {
		f := newFixture(t)
		first, second := certificateOf(t, 1, isrg()), certificateOf(t, 2, []pkix.AttributeTypeAndValue{
			part(country, "US"), part(organization, "DigiCert Inc"), part(unit, "www.digicert.com"),
			part(commonName, "DigiCert Global Root G2"),
		})
		withoutEnd := second[:len(second)-1]
		f.add("ca-certificates", map[string]string{
			mozilla + "ISRG_Root_X1.crt": first, mozilla + "Digi (Cert), G2.crt": withoutEnd, mozilla + "README": "no certificate",
		})
		f.apply()
		for name, want := range map[string]string{
			"/etc/ssl/certs/ca-certificates.crt": second + first,
			"/etc/ssl/certs/ISRG_Root_X1.pem":    "-> " + mozilla + "ISRG_Root_X1.crt",
			"/etc/ssl/certs/4042bcee.0":          "-> ISRG_Root_X1.pem",
			"/etc/ssl/certs/Digi_=Cert=__G2.pem": "-> " + mozilla + "Digi (Cert), G2.crt",
			"/etc/ssl/certs/607986c7.0":          "-> Digi_=Cert=__G2.pem",
			"/usr/lib/ssl/certs":                 "-> /etc/ssl/certs",
			"/usr/lib/ssl/cert.pem":              "-> /etc/ssl/certs/ca-certificates.crt",
		} {
			if diff := cmp.Diff(want, f.text(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})

	it("counts certificates with the same hash, but not the same twice", func() {
		f := newFixture(t)
		f.add("ca-certificates", map[string]string{
			mozilla + "a.crt": certificateOf(t, 1, isrg()), mozilla + "b.crt": certificateOf(t, 1, isrg()),
			mozilla + "c.crt": certificateOf(t, 2, isrg()),
		})
		f.apply()
		got := []string{f.text("/etc/ssl/certs/4042bcee.0"), f.text("/etc/ssl/certs/4042bcee.1"), f.text("/etc/ssl/certs/4042bcee.2")}
		if diff := cmp.Diff([]string{"-> a.pem", "-> c.pem", ""}, got); diff != "" {
			t.Error(diff)
		}
	})

	it("takes names for the same whatever their string types, case and blanks are", func() {
		wide := []byte{0, 'I', 0, 'S', 0, 'R', 0, 'G', 0, ' ', 0, 'R', 0, 'o', 0, 'o', 0, 't', 0, ' ', 0, 'X', 0, '1'}
		f := newFixture(t)
		f.add("ca-certificates", map[string]string{mozilla + "a.crt": certificateOf(t, 1, []pkix.AttributeTypeAndValue{
			part(country, asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("us")}),
			part(organization, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("  INTERNET Security \t Research Group ")}),
			part(commonName, asn1.RawValue{Tag: asn1.TagBMPString, Bytes: wide}),
		})})
		f.apply()
		if got := f.text("/etc/ssl/certs/4042bcee.0"); got != "-> a.pem" {
			t.Errorf("got %q, expected the hash of the same name", got)
		}
	})

	it("keeps what package openssl has below /usr/lib/ssl", func() {
		f := newFixture(t)
		f.add("ca-certificates", map[string]string{mozilla + "a.crt": certificateOf(t, 1, isrg())})
		f.add("openssl", map[string]string{"/usr/lib/ssl/certs": "-> /etc/ssl/other"})
		f.apply()
		if got := f.text("/usr/lib/ssl/certs"); got != "-> /etc/ssl/other" {
			t.Errorf("got %q, expected the link of the package", got)
		}
	})

	for name, content := range map[string]string{
		"no PEM":            "this is no certificate\n",
		"half a PEM":        "-----BEGIN CERTIFICATE-----\nMIIF\n",
		"no certificate":    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"two certificates":  "twice",
		"an ill-formed BMP": "odd",
	} {
		it("names the file that has "+name, func() {
			switch content {
			case "twice":
				content = certificateOf(t, 1, isrg()) + certificateOf(t, 2, isrg())
			case "odd":
				content = certificateOf(t, 1, []pkix.AttributeTypeAndValue{
					part(commonName, asn1.RawValue{Tag: asn1.TagBMPString, Bytes: []byte{0, 'a', 0}})})
			}
			f := newFixture(t)
			f.add("ca-certificates", map[string]string{mozilla + "broken.crt": content})
			f.refuse("collecting certificates", mozilla+"broken.crt")
		})
	}
}
