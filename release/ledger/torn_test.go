package ledger_test

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTornWrites cuts the power in the middle of each write: of what a release appends
// to the write-ahead log, from any byte on, the disk has what was there before, and of
// what a checkpoint writes to the file it has some pages and not others.
func TestTornWrites(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	m := maker(l, nil)
	random := rand.New(rand.NewSource(3))
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(home, name))
		must(t, err)
		return text
	}
	// after starts a ledger with what the disk has.
	after := func(file, log []byte, told []int) {
		t.Helper()
		disk := t.TempDir()
		for name, text := range map[string][]byte{"ledger.db": file, "ledger.db-wal": log, "key": read("key")} {
			must(t, os.WriteFile(filepath.Join(disk, name), text, 0o600))
		}
		checkWhole(t, disk, "shop", told)
	}
	var told []int
	one := func() {
		r, _, err := m.Configure(t.Context(), "shop", set(fmt.Sprintf("A=%d", random.Int63())))
		must(t, err)
		told = append(told, r.Number)
	}
	one()
	for range 4 {
		for range 3 {
			file, before := read("ledger.db"), read("ledger.db-wal")
			one()
			written := read("ledger.db-wal")
			for range 4 {
				cut := random.Intn(len(written))
				log := slices.Clone(written[:cut])
				if cut < len(before) {
					log = append(log, before[cut:]...)
				}
				after(file, log, told[:len(told)-1])
			}
			after(file, written, told)
		}
		before := read("ledger.db")
		_, err := raw(t, home).ExecContext(t.Context(), "PRAGMA wal_checkpoint(PASSIVE)")
		must(t, err)
		torn := read("ledger.db")
		if slices.Equal(before, torn) {
			t.Fatal("the checkpoint wrote nothing")
		}
		const page = 4096
		for at := 0; at < len(before); at += page {
			if random.Intn(2) == 0 {
				copy(torn[at:], before[at:min(at+page, len(before))])
			}
		}
		after(torn, read("ledger.db-wal"), told)
	}
}
