package repository

import "sync"

// meter adds up the progress of files that arrive at the same time, and tells
// it to one who need not expect two calls at once.
type meter struct {
	tell        func(done, total int64)
	mu          sync.Mutex
	done, total int64
}

// expect says that so many bytes more will come.
func (m *meter) expect(n int64) { m.count(0, n) }

// Write counts what arrived; it is a writer beside others.
func (m *meter) Write(p []byte) (int, error) {
	m.count(int64(len(p)), 0)
	return len(p), nil
}

func (m *meter) count(done, total int64) {
	if m.tell == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += done
	m.total += total
	m.tell(m.done, m.total)
}
