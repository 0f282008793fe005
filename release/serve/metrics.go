package serve

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// buckets are those of the durations of builds, in seconds.
var buckets = []float64{1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600}

// metrics counts what there is to count since the server started.
type metrics struct {
	start    time.Time
	mu       sync.Mutex
	requests map[requestLabels]int64
	ended    map[queue.Status]int64
	// within counts builds by bucket, and seconds adds their durations up.
	within  []int64
	count   int64
	seconds float64
}

type requestLabels struct {
	method, path string
	status       int
}

func newMetrics() *metrics {
	return &metrics{start: time.Now(), requests: map[requestLabels]int64{}, ended: map[queue.Status]int64{}, within: make([]int64, len(buckets))}
}

func (m *metrics) request(method, path string, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[requestLabels{cmp.Or(method, "other"), path, status}]++
}

// observe counts builds that have ended.
func (m *metrics) observe(b queue.Build) {
	if !b.Status.Ended() || b.Finished.Before(m.start) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[b.Status]++
	if b.Started.IsZero() {
		return
	}
	took := b.Finished.Sub(b.Started).Seconds()
	for i, most := range buckets {
		if took <= most {
			m.within[i]++
		}
	}
	m.count++
	m.seconds += took
}

// text is all of it as Prometheus reads it (Prometheus docs, "Exposition formats").
func (m *metrics) text(open map[queue.Status]int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	head := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	head("slugc_builds", "gauge", "Builds that have not ended, by status.")
	for _, status := range []queue.Status{queue.Running, queue.Waiting} {
		fmt.Fprintf(&b, "slugc_builds{status=%q} %d\n", status, open[status])
	}
	head("slugc_queue_length", "gauge", "Builds that wait for their turn.")
	fmt.Fprintf(&b, "slugc_queue_length %d\n", open[queue.Waiting])
	head("slugc_builds_ended_total", "counter", "Builds that ended since the server started, by how.")
	for _, status := range statuses {
		if status.Ended() {
			fmt.Fprintf(&b, "slugc_builds_ended_total{status=%q} %d\n", status, m.ended[status])
		}
	}
	head("slugc_build_duration_seconds", "histogram", "How long builds took that ran.")
	for i, most := range buckets {
		fmt.Fprintf(&b, "slugc_build_duration_seconds_bucket{le=\"%g\"} %d\n", most, m.within[i])
	}
	fmt.Fprintf(&b, "slugc_build_duration_seconds_bucket{le=\"+Inf\"} %d\nslugc_build_duration_seconds_sum %g\nslugc_build_duration_seconds_count %d\n", m.count, m.seconds, m.count)
	head("slugc_http_requests_total", "counter", "Requests by method, route and status.")
	keys := slices.SortedFunc(maps.Keys(m.requests), func(a, b requestLabels) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status))
	})
	for _, k := range keys {
		fmt.Fprintf(&b, "slugc_http_requests_total{method=%q,route=%q,code=\"%d\"} %d\n", k.method, k.path, k.status, m.requests[k])
	}
	return b.String()
}

func (s *Server) showMetrics(w http.ResponseWriter, req *http.Request, _ who) error {
	open, err := s.Store.Builds(req.Context(), queue.Filter{Statuses: []queue.Status{queue.Waiting, queue.Running}})
	if err != nil {
		return err
	}
	counts := map[queue.Status]int{}
	for _, b := range open {
		counts[b.Status]++
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, err = w.Write([]byte(s.metrics.text(counts)))
	return err
}

// health says that the server answers and can read its ledger.
func (s *Server) health(w http.ResponseWriter, req *http.Request, _ who) error {
	if _, err := s.Store.Builds(req.Context(), queue.Filter{Limit: 1}); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}
