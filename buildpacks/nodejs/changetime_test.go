package nodejs_test

import (
	"os"
	"syscall"
)

func changeTime(info os.FileInfo) int64 { return info.Sys().(*syscall.Stat_t).Ctim.Nano() }
