package php

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// words are names with texts. PHP writes an empty table as a list.
type words map[string]string

// UnmarshalJSON implements json.Unmarshaler. Values that are no texts are passed
// over: false, in config.platform, takes an extension away.
func (w *words) UnmarshalJSON(data []byte) error {
	*w = words{}
	if bytes.HasPrefix(data, []byte("[")) || bytes.Equal(data, []byte("null")) {
		return nil
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for name, value := range all {
		if text, is := value.(string); is {
			(*w)[name] = text
		}
	}
	return nil
}

// manifest is what a composer.json says.
type manifest struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Require    words          `json:"require"`
	RequireDev words          `json:"require-dev"`
	Replace    words          `json:"replace"`
	Provide    words          `json:"provide"`
	Scripts    scripts        `json:"scripts"`
	Autoload   map[string]any `json:"autoload"`
	Config     struct {
		VendorDir    string `json:"vendor-dir"`
		Platform     words  `json:"platform"`
		AllowPlugins plugin `json:"allow-plugins"`
	} `json:"config"`
	Extra struct {
		PublicDir     string `json:"public-dir"`
		SymfonyWebDir string `json:"symfony-web-dir"`
		Heroku        struct {
			DocumentRoot string `json:"document-root"`
		} `json:"heroku"`
	} `json:"extra"`
	// contentHash is what composer.lock has of it.
	contentHash string
}

// scripts are the names of a composer.json's scripts.
type scripts map[string]json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (s *scripts) UnmarshalJSON(data []byte) error {
	*s = scripts{}
	if bytes.HasPrefix(data, []byte("[")) {
		return nil
	}
	return json.Unmarshal(data, (*map[string]json.RawMessage)(s))
}

// plugin is which plugins of Composer an app allows.
type plugin struct {
	// said tells whether it says anything, all whether it allows every one.
	said, all bool
	rules     map[string]bool
	order     []string
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *plugin) UnmarshalJSON(data []byte) error {
	*p = plugin{said: true, rules: map[string]bool{}}
	if json.Unmarshal(data, &p.all) == nil {
		return nil
	}
	value, err := readPHP(data)
	if err != nil {
		return err
	}
	for _, entry := range value.table {
		p.rules[entry.key] = entry.value.text == "true"
		p.order = append(p.order, entry.key)
	}
	return nil
}

// allows tells whether a plugin may run (Composer, "allow-plugins"): the first
// rule that fits counts.
func (p plugin) allows(name string) bool {
	if p.all {
		return true
	}
	for _, rule := range p.order {
		if rule == name || fits(rule, name) {
			return p.rules[rule]
		}
	}
	return false
}

// fits tells whether a name is what a pattern with stars says.
func fits(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return strings.EqualFold(pattern, name)
	}
	name, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(parts[0]))
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, found := strings.Cut(name, strings.ToLower(part))
		if !found {
			return false
		}
		name = rest
	}
	return strings.HasSuffix(name, strings.ToLower(parts[len(parts)-1]))
}

// readManifest reads a composer.json. Name is how it is called.
func readManifest(name string, data []byte) (manifest, error) {
	var m manifest
	if err := appfile.JSON(name, data, &m); err != nil {
		return manifest{}, err
	}
	hash, err := ContentHash(data)
	if err != nil {
		return manifest{}, appfile.Error("%s cannot be read: %w", name, err)
	}
	m.contentHash = hash
	return m, nil
}

// texts are a list of texts, or one.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}
