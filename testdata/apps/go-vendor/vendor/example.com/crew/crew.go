// Package crew has work done side by side.
package crew

import (
	"errors"
	"sync"
)

// Crew waits for what it was given to do. The zero value has nothing to do.
type Crew struct {
	waiting sync.WaitGroup
	mu      sync.Mutex
	failed  []error
}

// Do has work done beside that of others.
func (c *Crew) Do(work func() error) {
	c.waiting.Add(1)
	go func() {
		defer c.waiting.Done()
		if err := work(); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.failed = append(c.failed, err)
		}
	}()
}

// Wait returns when all is done, with what failed.
func (c *Crew) Wait() error {
	c.waiting.Wait()
	return errors.Join(c.failed...)
}
