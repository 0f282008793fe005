package pack

import "sync"

// freelist keeps buffers of one size for the next who needs one.
type freelist struct {
	size int
	mu   sync.Mutex
	free [][]byte
}

func (f *freelist) get() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.free)
	if n == 0 {
		return make([]byte, f.size)
	}
	b := f.free[n-1]
	f.free = f.free[:n-1]
	return b
}

func (f *freelist) put(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = append(f.free, b[:f.size])
}
