// Package dockertest gives tests a Docker daemon of their own: platforms such as
// pack build in one, and what comes out is run in one. The programs are those of
// the machine, or those of make tools, and nothing else is of the machine: no
// configuration of it is read, and nothing stays on it. There is nothing in it for
// a product.
//
// The daemon is process 1 of a PID namespace and has mounts that nobody else
// sees. So containerd, containers and mounts end with it, and it ends with the
// test, however that ends: a daemon that is asked to stop leaves mounts behind.
// It makes no bridge and no rule of a firewall; a container has the machine's
// network or none.
//
// Everything is below the temporary directory, which make acceptance has on
// tmpfs where there is room.
//
// It stands below the stack so that tests of every room may use it.
package dockertest
