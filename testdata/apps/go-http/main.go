// Command hello is a web server of the standard library alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "net/http of %s on %s\n", runtime.Version(), runtime.GOARCH)
	})
	mux.HandleFunc("GET /limits", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "GOMEMLIMIT=%q GOMAXPROCS=%d\n", os.Getenv("GOMEMLIMIT"), runtime.GOMAXPROCS(0))
	})
	server := &http.Server{Addr: ":" + port, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		wait, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(wait); err != nil {
			log.Print(err)
		}
	}()
	log.Printf("listening on :%s", port)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
