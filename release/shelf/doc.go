// Package shelf is a directory in which several processes put files that are
// named by their digest, and from which one removes what no release has: the
// slugs and images of an app's releases lie on shelves.
//
// Who adds something holds the shelf until a release refers to it; who removes
// has it alone.
package shelf
