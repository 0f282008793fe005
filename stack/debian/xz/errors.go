package xz

import (
	"errors"
	"fmt"
	"io"
)

var (
	// ErrDamaged is the error for data that contradicts itself.
	ErrDamaged = errors.New("the xz data is damaged")
	// ErrUnsupported is the error for data that may be right.
	ErrUnsupported = errors.New("the xz data is not supported")
	// errShort is the error for data without its end.
	errShort = fmt.Errorf("the xz data ends too early: %w", io.ErrUnexpectedEOF)
)

func damaged(why string) error { return fmt.Errorf("%w: %s", ErrDamaged, why) }

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}
