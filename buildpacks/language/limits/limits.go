package limits

import (
	_ "embed"
)

//go:embed limits.sh
var prologue string

// Script is an exec.d script: the prologue, which sets the shell variables
// memory_mb, the memory that the processes may use in megabytes, 512 where there
// is no limit; memory_limited, empty where there is none; and cpus, the
// processors that they may use, at least 1; then a body in the language of a
// POSIX shell. The body has a function set_default NAME VALUE, which sets an
// environment variable that nobody has set.
func Script(body string) []byte { return []byte(prologue + body) }
