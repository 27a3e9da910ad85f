package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lineup/indexer/face/dlib/blas"
	"lineup/internal/node"
	"lineup/internal/testkit/loopback"
)

func TestMain(m *testing.M) {
	blas.ChooseKernel()
	loopback.Only() // also where the test binary is run as the program
	testscript.Main(m, map[string]func(){"lineup": main, "nats-server": natsServer, "lineup-faked": fakedMain})
}

// TestScripts runs the binary as its users do: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	models := modelsForTests(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("LINEUP_MODELS", models)
			return nil
		},
	})
}

// modelsForTests is the directory of the face models, which the tests' set-up has filled.
func modelsForTests(t testing.TB) string {
	t.Helper()
	dir, err := node.Options{}.ModelsDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("no face models (make models fetches them): %v", err)
	}
	return dir
}
