package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// rootOwner is the id, of user and group, that processes of the sandbox have
// on this machine when root starts them. It lies in 60578-61183, which
// systemd's allocation table leaves free and no distribution assigns.
const rootOwner = 61000

// Owner returns the ids that processes of the sandbox have on this machine.
// Directories that they are to write must belong to them (see Give). For an
// ordinary user these are the caller's own ids; for root 61000, a user that
// owns nothing else.
func Owner() (uid, gid int) {
	if privileged() {
		return rootOwner, rootOwner
	}
	return os.Geteuid(), os.Getegid()
}

// privileged is whether the caller is a root that may map any id. Root of a
// container that has but one id, or no capabilities, counts as an ordinary
// user.
func privileged() bool {
	if os.Geteuid() != 0 {
		return false
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	const needed = 1<<unix.CAP_CHOWN | 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	if data[0].Effective&needed != needed || data[0].Effective>>unix.CAP_SETFCAP&1 == 0 {
		return false
	}
	for _, file := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		extents, err := readExtents(file)
		if err != nil || !contains(extents, 0) || !contains(extents, rootOwner) {
			return false
		}
	}
	return true
}

// extent is a run of ids that exist in the caller's user namespace.
type extent struct{ first, count int }

func contains(extents []extent, id int) bool {
	for _, e := range extents {
		if id >= e.first && id < e.first+e.count {
			return true
		}
	}
	return false
}

func readExtents(file string) ([]extent, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseExtents(text)
}

// parseExtents reads the first and third column of uid_map and gid_map
// (user_namespaces(7)). Ids beyond the signed 32 bits, which nobody uses, are
// left out.
func parseExtents(text []byte) ([]extent, error) {
	var extents []extent
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var first, outside, count int64
		if _, err := fmt.Sscan(lines.Text(), &first, &outside, &count); err != nil {
			return nil, fmt.Errorf("reading the id map %q: %w", lines.Text(), err)
		}
		if first < 0 || first > math.MaxInt32 || count < 1 {
			continue
		}
		extents = append(extents, extent{first: int(first), count: int(min(count, math.MaxInt32-first))})
	}
	return extents, lines.Err()
}

// exchange maps every id to itself, except that inside and outside, which
// change places. The kernel wants one line per run of the parent's own map.
func exchange(extents []extent, inside, outside int) []syscall.SysProcIDMap {
	low, high := min(inside, outside), max(inside, outside)
	other := map[int]int{inside: outside, outside: inside}
	var lines []syscall.SysProcIDMap
	for _, e := range extents {
		end := e.first + e.count
		for at := e.first; at < end; {
			next := end
			for _, edge := range []int{low, low + 1, high, high + 1} {
				if edge > at && edge < next {
					next = edge
				}
			}
			line := syscall.SysProcIDMap{ContainerID: at, HostID: at, Size: next - at}
			if swapped, ok := other[at]; ok {
				line.ContainerID = swapped
			}
			lines = append(lines, line)
			at = next
		}
	}
	return lines
}

// setupCapabilities are what the set-up stage of an ordinary user needs; it is
// not root inside, so they have to be handed to it by name.
var setupCapabilities = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_RESOURCE}

// mapIDs makes attr create a user namespace with the ids of the sandbox.
//
// For an ordinary user that is one id, which the kernel grants to everybody.
// For root it is every id there is, so that set-up has root's power over files
// of all users, wherever the sources of mounts lie; only the two ids of the
// sandbox's user change places. The target is neither root inside nor outside.
func mapIDs(attr *syscall.SysProcAttr, become bool) error {
	attr.Cloneflags |= unix.CLONE_NEWUSER
	if !become {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: UID, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: GID, HostID: os.Getegid(), Size: 1}}
		attr.AmbientCaps = setupCapabilities
		return nil
	}
	uids, err := readExtents("/proc/self/uid_map")
	if err != nil {
		return err
	}
	gids, err := readExtents("/proc/self/gid_map")
	if err != nil {
		return err
	}
	attr.UidMappings = exchange(uids, UID, rootOwner)
	attr.GidMappings = exchange(gids, GID, rootOwner)
	attr.GidMappingsEnableSetgroups = true
	return nil
}
