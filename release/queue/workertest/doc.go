// Package workertest is what each queue.Worker has to pass.
package workertest
