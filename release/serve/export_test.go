package serve

import "time"

// Known is how many routes are for those alone who are known.
func (s *Server) Known() int {
	n := 0
	for _, r := range s.routes {
		if r.door == known {
			n++
		}
	}
	return n
}

// NoDelay takes the delays of wrong tokens away.
func (s *Server) NoDelay() { s.brake.step = 0 }

// Hurry sets the time that bodies may stand still.
func (s *Server) Hurry(d time.Duration) { s.hurry = d }
