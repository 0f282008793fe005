// Command squares works side by side with a module that is in vendor.
package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/crew"
)

// sum adds the squares of 1 to n, each in a goroutine of its own.
func sum(n int) (int, error) {
	squares := make([]int, n)
	var group crew.Crew
	for i := range n {
		group.Do(func() error {
			squares[i] = (i + 1) * (i + 1)
			return nil
		})
	}
	err := group.Wait()
	total := 0
	for _, square := range squares {
		total += square
	}
	return total, err
}

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		total, err := sum(10)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "the sum of ten squares is %d\n", total)
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
