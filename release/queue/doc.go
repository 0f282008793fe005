// Package queue is builds that wait for their turn, and the record of those that had
// it.
//
// Who wants a build puts an Order into a Store; the ledger's file is one. An Engine
// takes what waits, hands it to a Worker, keeps what it prints in a file, and writes down
// how it ended. The rules of the turn are those of an app's person:
//
//   - an app has one build at a time, and its builds run in the order in which they were
//     ordered;
//   - a build that waits is superseded by a newer order for the same app and branch: it would
//     be released only to be replaced;
//   - apps take turns: one with many builds does not keep others waiting;
//   - an order with a key that was seen before is no second order (Order.Key): forges deliver
//     more than once.
//
// Several processes have the queue at the same time: servers, and git hooks, each of which runs its
// own build (Order.Mine, Engine.RunOne) and streams it to who pushes. A build belongs to the process that
// runs it, and ends with that process: whoever looks next finds it abandoned. A server may order
// such a build again (Engine.Again), unless a newer one took its place.
//
// Worker is the one door to where builds really run. The local one (package worker) starts
// slugc itself; a cluster's scheduler would be another. Package workertest is what each
// has to pass; package queuetest is the same for stores.
package queue
