// Package base keeps the stacks of this machine: their root filesystems, which
// builds and processes stand on, and their images, on which images of apps are
// made. It makes what is missing, once.
//
// Store is where they are. Stacks finds what a person calls a stack, in the
// store or elsewhere. Describe and Packages read what an image says that is, or
// stands on, one of them.
//
// # On disk
//
//	DIR/<stack>/<arch>/<variant>/
//	    current           the digest of the one that counts
//	    lock              held by who changes anything here
//	    made/<digest>/    one root filesystem, whole
//	        root/             the files
//	        attributes.json   owners and modes that they have in an image
//	        stack.lock.toml   the packages
//	        seal              which files are below root, to notice changes
//	        lease             held, shared, by who uses it
//	        image/            the image as an OCI layout, once somebody wanted it
//	    new-*             one in the making
//	    old-*             one that is to be removed
//
// The digest is that of the packages (debian.LockedImage), so equal digests are
// equal bytes, and a stack that is made anew and did not change stays.
//
// # What it decided
//
//   - A root filesystem is made beside, flushed to disk with syncfs(2) and
//     renamed; after that "current" is replaced. Who is killed leaves a new-*
//     that the next one to make something removes.
//   - What is in use stays: Find, Ensure and Create return a Made that holds a
//     lock (flock(2)) until it is closed or the process ends, and only what
//     nobody holds is removed, by Create what it superseded, by Remove all. So a
//     build goes on with its root filesystem while a newer one is made, and the
//     disk does not fill up with old ones.
//   - A stack changes only when Create is called: security updates come when
//     somebody asks for them, and until then two builds give the same bytes.
//   - Nobody looks at each file of a root filesystem at each build. Create and
//     Image do, without reading them: the digest and the labels of an image say
//     what is in it, so that one that somebody changed is made anew, or not
//     packed.
//   - An image has one layer: packages are not apps, and a base of many layers
//     costs a request for each at every pull.
//   - It says about itself what the CNB Platform API wants of build and run
//     images, and repeats it for platforms older than API 0.12, which read
//     io.buildpacks.stack.*.
//
// # Dependencies
//
//   - go-containerregistry has the type of an image's config.
package base
