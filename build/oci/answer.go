package oci

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// registryError is what a registry answered, or why it did not.
type registryError struct{ err error }

func (e *registryError) Error() string { return answer(e.err) }

func (e *registryError) Unwrap() error { return e.err }

// answer is an error of a registry for people: what was wrong, without the
// requests that were on the way.
func answer(err error) string {
	if got, ok := errors.AsType[*transport.Error](err); ok && got.StatusCode == http.StatusNotFound {
		return "the registry has no such image"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return fmt.Sprintf("there is no host %s", dns.Name)
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok && operation.Addr != nil {
		if number, ok := errors.AsType[syscall.Errno](operation); ok {
			return fmt.Sprintf("%s: %s", operation.Addr, number)
		}
	}
	return err.Error()
}
