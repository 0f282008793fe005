// Package queuetest is what each queue.Store has to pass.
package queuetest
