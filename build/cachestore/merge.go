package cachestore

// merged is the record of an entry to which layers are added.
type merged struct{ record }

// place is the recorded layer of that id, which may be a new one.
func (m *merged) place(id string) *recordedLayer {
	for i := range m.Layers {
		if m.Layers[i].id() == id {
			return &m.Layers[i]
		}
	}
	m.Layers = append(m.Layers, recordedLayer{})
	return &m.Layers[len(m.Layers)-1]
}

// describe takes over what is said of a layer that is here.
func (m *merged) describe(l remoteLayer) error {
	return m.add(l, m.place(l.id()).Index)
}

// add records a layer.
func (m *merged) add(l remoteLayer, index string) error {
	layer, err := l.recorded()
	if err != nil {
		return err
	}
	layer.Index = index
	*m.place(l.id()) = layer
	return nil
}

// store records what a buildpack keeps.
func (m *merged) store(id, text string) error {
	values, err := parseTable(text)
	if err != nil {
		return err
	}
	if m.Stores == nil {
		m.Stores = map[string]map[string]any{}
	}
	m.Stores[id] = values
	return nil
}
