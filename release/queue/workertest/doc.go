// Package workertest is what each queue.Worker has to pass: how a build ends, how
// its log is read while it runs, and how it is stopped. There is nothing in it for a
// product.
package workertest
