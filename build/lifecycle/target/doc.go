// Package target is where the lifecycle reads and writes images: a registry, a
// Docker daemon, OCI layouts in a directory (CNB Platform API, "Exporter": a
// platform says by flags which).
package target
