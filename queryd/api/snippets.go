package api

import (
	"embed"
	"fmt"
)

//go:embed snippets
var snippetFiles embed.FS

// snippets are programs that run as they stand, by the operation they show; the tests run each.
var snippets = map[string][]struct{ title, file string }{
	"searchFaces": {{"curl", "faces.sh"}, {"JavaScript", "faces.js"}, {"Python", "faces.py"}, {"Go", "faces.go.txt"}},
	"getChanges":  {{"Python", "changes.py"}},
	"watchNews":   {{"Python", "webhook.py"}},
}

// snippetsOf are the examples of programs of an operation. What they need they read from the environment.
func snippetsOf(operation string) (all []Example, err error) {
	for _, s := range snippets[operation] {
		settings := "LINEUP_URL and LINEUP_KEY"
		if operation == "watchNews" {
			settings = "LINEUP_SECRET"
		}
		text, err := snippetFiles.ReadFile("snippets/" + s.file)
		if err != nil {
			return nil, fmt.Errorf("snippet of %s: %w", operation, err)
		}
		all = append(all, Example{Title: s.title + ", with " + settings + " in the environment", Text: string(text)})
	}
	return all, nil
}
