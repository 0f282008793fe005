// Package configure does what dpkg and the maintainer scripts of Debian
// packages would have done in a root filesystem, without running anything of
// it: one for arm64 is configured on amd64, by an ordinary user. Nothing of the
// result depends on the machine, the time or chance.
//
// Skeleton comes before the packages are unpacked, Apply after. All is written
// through an os.Root. Links inside are followed as a process in the root would
// follow them, and what is there under a name that is to be written is replaced,
// not written through.
//
// # What is done
//
//   - Merged /usr, as usrmerge and the trigger of base-files have it; lib64 only
//     where the architecture uses it.
//   - The directories of hier(7), and /app, /layers, /platform and /workspace,
//     which builds and processes mount over and a read-only root cannot make.
//   - passwd(5) and group(5) from base-passwd with the stack's user, whose are
//     /app, /layers, /workspace and its home. Every password is locked with "*".
//     With package passwd come shadow(5) and gshadow(5), where the day of the
//     last change is empty: it would be a time.
//   - Default files of base-files, libc-bin, netbase, readline-common,
//     debianutils, tzdata (/etc/localtime is UTC), and of pam-auth-update, so
//     that su works for root. /etc/hostname and /etc/resolv.conf are empty, for
//     whoever mounts over them.
//   - update-ca-certificates with "openssl rehash": the same links, the same
//     file. All authorities of the package are trusted, as its default is. A file
//     that is no certificate is an error that names it.
//   - Alternatives, from a table (alternatives.toml), with the files in which
//     update-alternatives remembers them.
//   - ldconfig: links, and the cache in the format glibc-ld.so.cache1.1 of glibc
//     2.32 and later, with the directories of glibc-hwcaps. But for the name of
//     its generator it is what ldconfig of glibc 2.36 and 2.41 writes, byte for
//     byte.
//   - The list of packages, /var/lib/dpkg/status.d with a file NAME and a file
//     NAME.md5sums for each, as the "distroless" images have it and trivy, syft,
//     osv-scalibr and claircore read it. The control file is as it was published,
//     with no Status: who reads status.d takes what is there for installed.
//   - With package dpkg in the root, dpkg's own database in place of status.d,
//     so that apt and dpkg can add to an image. With both, scanners would count
//     every package twice. Its lists of files are made of the checksums and have
//     no links and no configuration files; what packages would do when they are
//     removed is not kept.
//
// # What is not done, and why
//
//   - Accounts that packages add (_ssh of openssh-client): their numbers depend
//     on the order of installation, and nothing of a stack runs as them. The
//     set-group-id bit of ssh-agent goes with the group.
//   - Byte code of Python: it holds times, doubles the size, and Python does
//     without. /etc/python3/debian_config only configures that.
//   - Units of systemd, init scripts, cron, wtmp, btmp, lastlog: nobody boots an
//     image or logs in to it.
//   - /etc/timezone: trixie no longer has it, and /etc/localtime says the same.
//     /etc/mtab: container runtimes make it. /etc/fstab and /etc/environment:
//     empty.
//   - Links of manual pages and /usr/share/info/dir: stacks leave both out.
//   - debconf: all answers are the defaults.
//
// # Dependencies
//
//   - BurntSushi/toml reads the table of alternatives.
package configure
