module example.com/faults

go 1.26

require (
	github.com/mitchellh/go-wordwrap v1.0.1
	github.com/pkg/errors v0.9.1
)
