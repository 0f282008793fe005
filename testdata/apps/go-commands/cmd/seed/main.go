// Command seed is for developers: no release has it.
package main

import "log"

func main() { log.Print("seeded") }
