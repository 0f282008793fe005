package java

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"software.sslmate.com/src/go-pkcs12"
)

// TrustStore is the cacerts file for the authorities of a PEM bundle.
// Certificates that Go cannot read are left out, as are second copies; a bundle
// without any is an error.
func TrustStore(bundle []byte) ([]byte, error) {
	var authorities []*x509.Certificate
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue
		}
		if !slices.ContainsFunc(authorities, certificate.Equal) {
			authorities = append(authorities, certificate)
		}
	}
	if len(authorities) == 0 {
		return nil, errors.New("there is no certificate in PEM form that Java could trust")
	}
	slices.SortFunc(authorities, func(a, b *x509.Certificate) int { return bytes.Compare(a.Raw, b.Raw) })
	entries := make([]pkcs12.TrustStoreEntry, 0, len(authorities))
	for i, certificate := range authorities {
		// Java keeps one entry of a name.
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: certificate, FriendlyName: fmt.Sprintf("%03d %s", i, certificate.Subject)})
	}
	store, err := pkcs12.Passwordless.EncodeTrustStoreEntries(entries, "")
	if err != nil {
		return nil, fmt.Errorf("making Java's certificate store: %w", err)
	}
	return store, nil
}
