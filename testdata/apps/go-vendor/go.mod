module example.com/squares

go 1.26

require golang.org/x/sync v0.16.0
