module example.com/squares

go 1.26

require example.com/crew v1.2.0
