// Command worker waits for work until it is told to end.
package main

import (
	"log"
	"os"
	"os/signal"
	"syscall"

	"example.com/jobs/v2/internal/queue"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, os.Interrupt)
	log.Printf("waiting for %s", queue.Name)
	<-end
}
