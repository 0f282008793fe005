package formation

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// listener is where somebody listens on a port.
type listener struct {
	// address is where to reach it from this machine, empty when nobody listens.
	address string
	// alone is whether it is to be reached from this machine alone.
	alone bool
}

// listens looks who listens on a port of this machine. It asks the kernel
// (proc_pid_net(5)) and not the process, which might take a connection without a
// request for a fault.
func listens(port string) (listener, error) {
	found := listener{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return listener{}, fmt.Errorf("looking who listens: %w", err)
		}
		lines := bufio.NewScanner(file)
		lines.Scan()
		for lines.Scan() {
			ip, at, listening := local(lines.Text())
			// Those that listen come first, of what may be very many.
			if !listening {
				break
			}
			if at == port {
				found = better(found, ip)
			}
		}
		err = errors.Join(lines.Err(), file.Close())
		if err != nil {
			return listener{}, fmt.Errorf("looking who listens: %w", err)
		}
	}
	return found, nil
}

// Listening is where somebody who listens on a port of this machine is to be reached
// from it, empty when nobody does, and whether that is from this machine alone.
func Listening(port string) (address string, alone bool, err error) {
	found, err := listens(port)
	return found.address, found.alone, err
}

func better(found listener, ip net.IP) listener {
	switch {
	case ip.IsUnspecified():
		return listener{address: "127.0.0.1"}
	case ip.IsLoopback() && found.address == "":
		return listener{address: ip.String(), alone: true}
	}
	return found
}

// local is the local end of a socket in a line of the kernel's table, and whether
// somebody listens there.
func local(line string) (ip net.IP, port string, listening bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 {
		return nil, "", false
	}
	address, portText, _ := strings.Cut(fields[1], ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		return nil, "", false
	}
	// Each word of four bytes stands in the order of the machine, which is
	// little-endian wherever slugc runs.
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	number, err := strconv.ParseUint(portText, 16, 16)
	if err != nil {
		return nil, "", false
	}
	const listen = "0A"
	return raw, strconv.FormatUint(number, 10), fields[3] == listen
}

// FreePort is one that nobody listens on.
func FreePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return port, nil
}
