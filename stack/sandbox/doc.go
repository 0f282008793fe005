// Package sandbox is the one door through which slugc starts processes that
// are not its own: buildpacks, apps, git, tar of someone else's. Runner is the
// door, and Namespaces is what is behind it on Linux. Direct is for the inside of
// a container that somebody else made, which is a sandbox already.
//
// # What a process gets to see
//
// Its root is the stack: parts of this machine, or a directory. Of this
// machine that is /usr with what belongs to it (/bin, /lib, ...), and of /etc
// what name resolution, certificates and dynamic linking need. Nothing of
// /home, /root, /run, /opt and /var is there, no sockets and no keys. The
// stack is read-only. /tmp, /var/tmp and /dev/shm are private and in memory;
// /dev has the devices that are harmless; /proc shows the processes inside.
// The mounts of the Command lie on top of that, and only those that it calls
// writable can be written.
//
// With Command.Root the root is a directory of this machine, which the process
// may write. The parts of the stack are mount points in it, read-only as ever,
// and cannot be moved out of the way. Its links, such as /bin, can: for the
// process itself, until set-up makes them anew for the next command. Where
// there is a /tmp, it is not in memory but in the directory.
//
// Without Command.Network there is no network but loopback; with it, abstract
// sockets are closed by Landlock where the kernel has scopes (6.12). The
// environment is that of the Command and nothing else, and no open file of
// slugc reaches it. Even standard output and error are pipes where the caller
// has a file: a process could do more with the file than append to it.
//
// # Who it is
//
// Inside, it is user and group 1000, slugc. It has no capabilities and no way
// to gain one: the bounding set is empty, no_new_privs is set, set-user-ID bits
// do not count, and it can make no user namespaces, in which it would be root.
//
// An ordinary user who runs slugc is that user on this machine, too. The one
// id that every user may map is enough; no range in /etc/subuid is needed.
// Supplementary groups cannot be dropped without privileges, so they stay, as
// nobody's groups; what they give access to is not visible.
//
// Started by root, the process is user 61000 on this machine (see Owner), not
// root without capabilities: much in the kernel asks only whether a user is
// root. Root owns the files in /proc/sys, and daemons that listen on abstract
// sockets trust it. For the time of set-up all ids are mapped, so that root
// can show a directory that lies in somebody's private home; the two ids of
// the process are exchanged, the rest stays. Afterwards there is no capability
// left to use the others with.
//
// # How it works
//
// There are no helpers: the running program starts itself again, and what
// this package does when it is initialised takes over.
//
//   - The parent works out what the root filesystem consists of (layout), and
//     clones a process into new user, mount, PID, IPC, UTS and network
//     namespaces.
//   - The set-up stage, in there, moves the root of this machine aside, makes
//     the new one, enters it, lets go of the old one, gives up all privileges
//     and becomes the init stage. Privileges belong to a thread, and a Go
//     program has several; executing a program leaves but one.
//   - The init stage is process 1. It starts the target, reaps orphans, hands
//     signals on and reports how the target ended. It cannot be dumped:
//     through /proc/1/exe of a process of the same user the target would reach
//     slugc's own binary. When process 1 ends, the kernel ends all others.
//
// Requests go through one pipe and reports come back through another, so that a
// failure to set up is never mistaken for an exit status. After the requests,
// each byte on the first pipe is a signal for all processes inside (as on
// Heroku, where every process of a dyno gets SIGTERM), and its end is the end
// of the parent. Until somebody reads it, the parent-death signal does the
// same; it is safe because Run keeps its thread.
//
// A mount point that is missing is made where it lies in a directory that can
// be written, and stays there. In a read-only directory one is put on top that
// shows the same entries and has room for it. Paths are walked one name at a
// time, with the new root as the root: a link in an app never leads out of it,
// neither for the target nor for the set-up.
//
// An interactive process stays in the caller's session and in its process
// group, as any program that a shell starts. It gets the terminal as
// /dev/console and is kept by seccomp from typing on it.
//
// # What it does not do
//
// It sets no limits on memory, processes or files, except that there are no
// core dumps, and has no seccomp filter other than the one above.
//
// Third-party: golang.org/x/sys/unix saves writing the system calls by hand;
// golang.org/x/sync/errgroup saves the bookkeeping of the goroutines that copy
// output.
package sandbox
