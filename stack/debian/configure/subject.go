package configure

import (
	"bytes"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Tags of ASN.1 strings that encoding/asn1 has no name for.
const (
	tagVisible   = 26
	tagUniversal = 28
)

// certificate is the part of a certificate that has the subject (RFC 5280,
// section 4.1). crypto/x509 refuses certificates that OpenSSL takes, such as
// ones with a negative serial number.
type certificate struct {
	Signed    tbsCertificate
	Algorithm asn1.RawValue
	Signature asn1.BitString
}

type tbsCertificate struct {
	Version   int `asn1:"optional,explicit,default:0,tag:0"`
	Serial    asn1.RawValue
	Algorithm asn1.RawValue
	Issuer    asn1.RawValue
	Validity  asn1.RawValue
	Subject   asn1.RawValue
}

// attribute is one name and value of a distinguished name.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// subjectHash is the number by which OpenSSL finds a certificate in a
// directory, X509_NAME_hash(3): the first four bytes of the SHA-1 of the
// subject in its canonical form, little-endian.
func subjectHash(der []byte) (uint32, error) {
	var c certificate
	if rest, err := asn1.Unmarshal(der, &c); err != nil {
		return 0, err
	} else if len(rest) > 0 {
		return 0, errors.New("expected a certificate, found more after it")
	}
	canonical, err := canonicalName(c.Signed.Subject)
	if err != nil {
		return 0, fmt.Errorf("reading the subject: %w", err)
	}
	sum := sha1.Sum(canonical)
	return binary.LittleEndian.Uint32(sum[:]), nil
}

// canonicalName is a distinguished name as OpenSSL compares it: without the
// header of its sequence, strings in UTF-8 and lower case, and blanks folded.
func canonicalName(name asn1.RawValue) ([]byte, error) {
	if name.Tag != asn1.TagSequence || !name.IsCompound {
		return nil, errors.New("expected a sequence")
	}
	var out []byte
	for rest := name.Bytes; len(rest) > 0; {
		var set asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &set); err != nil {
			return nil, err
		}
		if set.Tag != asn1.TagSet || !set.IsCompound {
			return nil, errors.New("expected a set")
		}
		encoded, err := canonicalSet(set.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, encoded...)
	}
	return out, nil
}

// canonicalSet encodes a relative distinguished name in DER, where the members
// of a set are sorted.
func canonicalSet(members []byte) ([]byte, error) {
	var all [][]byte
	for rest := members; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return nil, err
		}
		if text, isText, err := canonicalString(a.Value); err != nil {
			return nil, err
		} else if isText {
			a.Value = asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: text}
		}
		encoded, err := asn1.Marshal(a)
		if err != nil {
			return nil, err
		}
		all = append(all, encoded)
	}
	slices.SortFunc(all, bytes.Compare)
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: bytes.Join(all, nil)})
}

// canonicalString folds a string; isText is false for a value of another type,
// which counts as it is.
func canonicalString(value asn1.RawValue) (text []byte, isText bool, err error) {
	if value.Class != asn1.ClassUniversal || value.IsCompound {
		return nil, false, nil
	}
	switch value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, tagVisible:
		text = value.Bytes
	case asn1.TagT61String:
		// OpenSSL takes T.61 for Latin-1.
		for _, c := range value.Bytes {
			text = utf8.AppendRune(text, rune(c))
		}
	case asn1.TagBMPString:
		if len(value.Bytes)%2 != 0 {
			return nil, false, errors.New("half a character in a BMPString")
		}
		units := make([]uint16, 0, len(value.Bytes)/2)
		for b := value.Bytes; len(b) > 0; b = b[2:] {
			units = append(units, binary.BigEndian.Uint16(b))
		}
		text = []byte(string(utf16.Decode(units)))
	case tagUniversal:
		if len(value.Bytes)%4 != 0 {
			return nil, false, errors.New("part of a character in a UniversalString")
		}
		for b := value.Bytes; len(b) > 0; b = b[4:] {
			text = utf8.AppendRune(text, rune(binary.BigEndian.Uint32(b)))
		}
	default:
		return nil, false, nil
	}
	return foldBlanks(text), true, nil
}

// foldBlanks takes blanks off both ends, makes one space of each run of them
// inside, and ASCII letters lower case.
func foldBlanks(text []byte) []byte {
	out := make([]byte, 0, len(text))
	pending := false
	for _, c := range text {
		if c == ' ' || c >= '\t' && c <= '\r' {
			pending = len(out) > 0
			continue
		}
		if pending {
			out = append(out, ' ')
			pending = false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return out
}
