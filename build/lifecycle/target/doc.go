// Package target is where the lifecycle reads and writes images: a registry, a
// Docker daemon, OCI layouts in a directory (CNB Platform API, "Exporter": a
// platform says by flags which).
//
// go-containerregistry speaks with registries and reads layouts. x/sync/errgroup asks
// several registries at once.
package target
