package queuetest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/queue"
)

// modelled is a build as the rules of the turn have it.
type modelled struct {
	id          int64
	app, branch string
	status      queue.Status
	// mine is whether it is the own of one of the processes, owner.
	mine  bool
	owner int
	turn  int
	most  int
}

// model is a store that is slow, and so short that it can be seen to be right.
type model struct {
	builds []*modelled
	turns  int
}

func (m *model) where(is func(b *modelled) bool) []*modelled {
	return slices.DeleteFunc(slices.Clone(m.builds), func(b *modelled) bool { return !is(b) })
}

func (m *model) order(b *modelled) {
	for _, old := range m.where(func(old *modelled) bool {
		return old.app == b.app && old.branch == b.branch && old.status == queue.Waiting
	}) {
		old.status = queue.Superseded
	}
	b.status = queue.Waiting
	m.builds = append(m.builds, b)
}

// claim is the build that a process gets, nil for none.
func (m *model) claim(process int, id int64, most int) *modelled {
	running := m.where(func(b *modelled) bool { return b.status == queue.Running })
	served := map[string]int{}
	for _, b := range m.builds {
		served[b.app] = max(served[b.app], b.turn)
	}
	first := m.where(func(b *modelled) bool {
		ahead := m.where(func(o *modelled) bool {
			return o.app == b.app && (o.status == queue.Running || o.status == queue.Waiting && o.id < b.id)
		})
		return b.status == queue.Waiting && len(ahead) == 0
	})
	slices.SortFunc(first, func(a, b *modelled) int {
		return cmp.Or(cmp.Compare(served[a.app], served[b.app]), cmp.Compare(a.id, b.id))
	})
	allowed := most
	for _, b := range running {
		if allowed = max(allowed, b.most); most == 0 || b.most == 0 {
			allowed = 0
			break
		}
	}
	places := len(m.builds)
	if allowed > 0 {
		places = allowed - len(running)
	}
	for _, b := range first {
		if places <= 0 {
			return nil
		}
		if b.id == id || id == 0 && !b.mine {
			if b.mine && b.owner != process {
				return nil
			}
			m.turns++
			b.status, b.turn, b.most = queue.Running, m.turns, most
			return b
		}
		if b.mine {
			places--
		}
	}
	return nil
}

// dice are chances that are the same each time.
type dice int

// Intn is below n (a linear congruential generator, as in ISO C).
func (d *dice) Intn(n int) int {
	*d = (*d*1103515245 + 12345) & 0x7fffffff
	return int(*d>>16) % n
}

// properties are what holds whatever is asked, in whatever order, by several processes.
func (s *suite) properties(it spec.S) {
	for seed := range 6 {
		it(fmt.Sprintf("does what the rules say, whatever is asked (%d)", seed), func() {
			random := dice(seed)
			processes := []queue.Store{s.Store, s.open(), s.open()}
			claims := map[int64]queue.Claim{}
			var m model
			anyOf := func() *modelled {
				if len(m.builds) == 0 || random.Intn(4) == 0 {
					return &modelled{}
				}
				return m.builds[len(m.builds)-1-random.Intn(min(len(m.builds), 12))]
			}
			for step := range 150 {
				process := random.Intn(len(processes))
				store := processes[process]
				switch random.Intn(7) {
				case 0, 1, 2:
					b := &modelled{
						app: fmt.Sprintf("app%d", random.Intn(5)), branch: fmt.Sprintf("b%d", random.Intn(3)), mine: random.Intn(3) == 0, owner: process,
					}
					ordered, _, err := store.Order(s.t.Context(), queue.Order{App: b.app, Source: queue.Source{Branch: b.branch}, Mine: b.mine})
					s.must(err)
					b.id = ordered.ID
					m.order(b)
				case 3, 4:
					id, most := anyOf().id, (random.Intn(12)+2)/3
					want := m.claim(process, id, most)
					c, taken, err := store.Claim(s.t.Context(), id, most)
					s.must(err)
					if taken != (want != nil) || taken && c.Build().ID != want.id {
						s.t.Fatalf("step %d: claimed %v, want %+v", step, taken, want)
					}
					if taken {
						claims[want.id] = c
					}
				case 5:
					b := anyOf()
					c, runs := claims[b.id]
					if !runs {
						continue
					}
					delete(claims, b.id)
					b.status = []queue.Status{queue.Succeeded, queue.Failed, queue.Cancelled}[random.Intn(3)]
					s.end(c, b.status)
				case 6:
					b := anyOf()
					if b.id == 0 {
						continue
					}
					_, err := store.Cancel(s.t.Context(), b.id)
					s.must(err)
					if b.status == queue.Waiting {
						b.status = queue.Cancelled
					}
				}
			}
			all, err := processes[1].Builds(s.t.Context(), queue.Filter{})
			s.must(err)
			slices.Reverse(all)
			if len(all) != len(m.builds) {
				s.t.Fatalf("there are %d builds, want %d", len(all), len(m.builds))
			}
			for i, b := range m.builds {
				if all[i].ID != b.id || all[i].Status != b.status {
					s.t.Errorf("build %d is %s, want %+v", all[i].ID, all[i].Status, b)
				}
			}
			for _, c := range claims {
				s.end(c, queue.Succeeded)
			}
		})
	}
}
