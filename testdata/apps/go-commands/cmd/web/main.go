// Command web says what the queue is called.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"
	"time"

	"example.com/jobs/v2/internal/queue"
)

// commit is set when the command is linked.
var commit = "unknown"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "queue %s, commit %s, %s\n", queue.Name, commit, runtime.Version())
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
