// Command faults uses two modules.
package main

import (
	"fmt"

	"github.com/mitchellh/go-wordwrap"
	"github.com/pkg/errors"
)

func main() { fmt.Println(wordwrap.WrapString("none", 4), errors.New("none")) }
