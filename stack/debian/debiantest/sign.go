package debiantest

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Key signs archives.
type Key struct {
	entity *openpgp.Entity
}

// NewKey makes a key at a time. It can be used as long as it lives, 0 for ever.
func NewKey(t testing.TB, made time.Time, life time.Duration) Key {
	t.Helper()
	entity, err := openpgp.NewEntity("archive of a test", "", "archive@example.invalid", &packet.Config{
		Algorithm:       packet.PubKeyAlgoEdDSA,
		Time:            func() time.Time { return made },
		KeyLifetimeSecs: uint32(life / time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	return Key{entity: entity}
}

// Public is the public half, as in a keyring file.
func (k Key) Public(t testing.TB) []byte {
	t.Helper()
	var public bytes.Buffer
	if err := k.entity.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	return public.Bytes()
}

// Sign clear-signs a text at a time.
func Sign(t testing.TB, text []byte, at time.Time, keys ...Key) []byte {
	t.Helper()
	private := make([]*packet.PrivateKey, len(keys))
	for i, key := range keys {
		private[i] = key.entity.PrivateKey
	}
	var signed bytes.Buffer
	to, err := clearsign.EncodeMulti(&signed, private, &packet.Config{Time: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return append(signed.Bytes(), '\n')
}
