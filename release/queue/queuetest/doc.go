// Package queuetest is what each queue.Store has to pass: what becomes of orders,
// claims and cancellations, and that what was abandoned is built again. There is nothing
// in it for a product.
package queuetest
