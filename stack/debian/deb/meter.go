package deb

import (
	"io"
	"sync"
)

// meter counts the bytes of all packages.
type meter struct {
	mu          sync.Mutex
	tell        func(done, total int64)
	done, total int64
}

func (m *meter) add(n int64) {
	if m.tell == nil || n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.tell(m.done, m.total)
}

// reader returns a reader whose bytes count.
func (m *meter) reader(r io.Reader) *metered { return &metered{from: r, meter: m} }

type metered struct {
	from  io.Reader
	meter *meter
	count int64
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.count += int64(n)
	r.meter.add(int64(n))
	return n, err
}
