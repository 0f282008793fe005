// Package queue has what both commands know.
package queue

// Name is what the queue is called.
const Name = "mail"
