package sandbox

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// remount is restrict for kernels before 5.12, which change one mount at a
// time and forget the permissions that are not said again. They are locked
// where they come from this machine's own mounts, and must stay.
func remount(mounted *os.File, attrs uint64, recursive bool) error {
	top, err := os.Readlink(handle(mounted))
	if err != nil {
		return err
	}
	points := []string{top}
	if recursive {
		if points, err = mountsBelow(top); err != nil {
			return err
		}
	}
	for _, point := range points {
		var info unix.Statfs_t
		if err := unix.Statfs(point, &info); err != nil {
			return &os.PathError{Op: "statfs", Path: point, Err: err}
		}
		flags := uintptr(unix.MS_REMOUNT|unix.MS_BIND) | uintptr(attrs) | mountFlags(int64(info.Flags))
		if err := unix.Mount("", point, "", flags, ""); err != nil {
			return &os.PathError{Op: "remount", Path: point, Err: err}
		}
	}
	return nil
}

// mountFlags are the flags of mount(2) for those of statfs(2).
func mountFlags(statfs int64) uintptr {
	var flags uintptr
	for from, to := range map[int64]uintptr{
		unix.ST_RDONLY:     unix.MS_RDONLY,
		unix.ST_NOSUID:     unix.MS_NOSUID,
		unix.ST_NODEV:      unix.MS_NODEV,
		unix.ST_NOEXEC:     unix.MS_NOEXEC,
		unix.ST_NOATIME:    unix.MS_NOATIME,
		unix.ST_NODIRATIME: unix.MS_NODIRATIME,
		unix.ST_RELATIME:   unix.MS_RELATIME,
	} {
		if statfs&from != 0 {
			flags |= to
		}
	}
	return flags
}

// mountsBelow lists top and the mount points below it, parents first.
func mountsBelow(top string) ([]string, error) {
	f, err := os.Open(filepath.Join(oldDir, "proc/self/mountinfo"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	points, err := mountPoints(f)
	if err != nil {
		return nil, err
	}
	below := []string{top}
	for _, point := range points {
		if strings.HasPrefix(point, top+"/") {
			below = append(below, point)
		}
	}
	return below, nil
}

// mountPoints reads the mount points of a mountinfo file (proc(5)).
func mountPoints(r io.Reader) ([]string, error) {
	var points []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 {
			points = append(points, unescape(fields[4]))
		}
	}
	return points, lines.Err()
}

// unescape undoes what the kernel does to blanks and backslashes in the paths
// of mountinfo: a backslash and three octal digits.
func unescape(path string) string {
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if code, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(path[i])
	}
	return out.String()
}
