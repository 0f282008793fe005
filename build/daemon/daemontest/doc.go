// Package daemontest gives tests a server that answers as a Docker daemon does, with
// either store of images, where no daemon can be. There is nothing in it for a
// product.
//
// go-containerregistry reads the configs of images, and klauspost/compress has the gzip
// that the product has.
package daemontest
