package launch

// Env is an environment, by name.
type Env map[string]string
