// Package extend applies the Dockerfiles of image extensions to the images that an
// app is built and run in, without a daemon (CNB Image Extension Specification,
// "Phase #3: Extension").
//
// Parse and the validation of a Dockerfile are those of the detector, which knows
// what Docker knows. An Applier does what is in it in the container of the image
// itself, as root: its file system is the root directory. It knows
//
//   - ARG, FROM, ENV, LABEL, SHELL, USER and WORKDIR;
//   - RUN, as a line for the shell and as a list of words;
//   - COPY and ADD of files of the context, with --chown and --chmod, and patterns.
//
// Everything else is an *UnsupportedError: other instructions, other flags (mounts,
// other stages), here-documents, addresses, and archives, which ADD would unpack.
// A .dockerignore is not looked at.
//
// A Snapshot of the file system before an instruction and one after it are a layer,
// with whiteouts for what is gone (OCI image specification, "Representing Changes").
// Its entries have the owners and modes that they have on disk, and the time of
// all reproducible archives, so that the same instruction makes the same layer
// wherever it leaves the same files.
//
// Kept are such layers of earlier builds: an instruction that has everything it
// depends on as it was is not done again. That is the image, all instructions before
// it, the config, the arguments that are declared by then (build_id, which is another
// at every build, too), and what is copied.
//
// A Store is the directory that restorer, extender and reference lifecycle share:
// images as OCI layouts without their layers.
//
// go-containerregistry has the config of an image and its layouts. klauspost/compress/gzip
// packs layers faster than the standard library. x/sys/unix reads and writes capabilities of
// files, and makes named pipes.
package extend
