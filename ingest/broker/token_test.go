package broker

import "testing"

// TestTokens holds that a name is one token and comes back.
func TestTokens(t *testing.T) {
	for name, want := range map[string]string{
		"us-ne": "us-ne", "import-nsopw@omaha-pd": "import-nsopw=40omaha-pd", "import-nsopw@police.example": "import-nsopw=40police=2Eexample",
		"a=40b": "a=3D40b", "*": "=2A", ">": "=3E", "two words": "two=20words", "é": "=C3=A9",
	} {
		if got := Token(name); got != want || Named(got) != name {
			t.Errorf("%q is the token %q, want %q, which names %q", name, got, want, Named(got))
		}
	}
	for _, token := range []string{"=", "=4", "a=", "=ZZ"} { // nobody's
		if got := Named(token); got != token {
			t.Errorf("%q names %q", token, got)
		}
	}
}
