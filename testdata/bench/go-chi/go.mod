module example.com/notes

go 1.26

require (
	github.com/go-chi/chi/v5 v5.2.3
	github.com/google/uuid v1.6.0
)

require github.com/dustin/go-humanize v1.0.1
