//go:build release

package e2e_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lineup/schemas"
)

// generator is what makes the Go client. It reads OpenAPI 3.0, so the description is taken back to that for it.
const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.5.1"

// TestOpenAPIInTools lets the linters of others read openapi.yaml, makes clients of it for TypeScript, Python and Go, and calls a
// running server by each. It fetches tools, which takes too long for every run: see make release-test.
func TestOpenAPIInTools(t *testing.T) {
	h := town(t)
	h.crowd(40)
	url, photo := h.listen(), base64.StdEncoding.EncodeToString(jpeg("probe"))
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS("testdata/openapi")))
	run := func(in, name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = filepath.Join(dir, in)
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	calls := func(in, name string, args ...string) {
		t.Helper()
		out := run(in, name, append(args, url, h.key, photo)...)
		if want := "ROWAN TESTCASE 1 match 204 bad_zipcode\n"; out != want {
			t.Errorf("%s: %q, want %q", name, out, want)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "node", "openapi.yaml"), schemas.OpenAPI, 0o600))
	run("node", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	for _, tool := range [][]string{
		{"redocly", "lint", "--extends=recommended", "openapi.yaml"},
		{"spectral", "lint", "--ruleset=spectral.yaml", "--fail-severity=warn", "openapi.yaml"},
	} {
		run("node", "node_modules/.bin/"+tool[0], tool[1:]...)
	}
	run("node", "node_modules/.bin/redocly", "bundle", "openapi.yaml", "-o", "openapi.json")

	run("node", "node_modules/.bin/openapi-typescript", "openapi.json", "-o", "api.ts")
	run("node", "node_modules/.bin/tsc", "--strict", "--skipLibCheck", "--lib", "es2022,dom", "--target", "es2022",
		"--module", "nodenext", "--moduleResolution", "nodenext", "call.ts")
	calls("node", "node", "call.js")

	run("python", "python3", "-m", "venv", "venv")
	run("python", "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
	run("python", "venv/bin/openapi-python-client", "generate", "--path", "../node/openapi.json", "--meta", "none", "--output-path", "client")
	calls("python", "venv/bin/python", "-W", "ignore", "call.py") // the generated code itself warns

	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		must(t, os.Rename(filepath.Join(dir, "go", name+".txt"), filepath.Join(dir, "go", name)))
	}
	must(t, os.Mkdir(filepath.Join(dir, "go", "client"), 0o700))
	run("node", "node_modules/.bin/openapi-down-convert", "--input", "openapi.json", "--output", "openapi30.json")
	run("go", "go", "run", generator, "-generate", "types,client", "-package", "client", "-o", "client/client.go", "../node/openapi30.json")
	calls("go", "go", "run", ".")
}
