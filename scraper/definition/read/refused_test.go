package read

import "testing"

func TestRefusedPages(t *testing.T) {
	for _, page := range []string{`<div class="g-recaptcha">`, `<title>Just a moment...</title>`, `Our own gate`} {
		if refused([]byte(page), []string{"our own gate"}) == "" {
			t.Errorf("%s was read", page)
		}
	}
	if marker := refused([]byte("<h1>Results</h1>"), nil); marker != "" {
		t.Errorf("an ordinary page refused for %q", marker)
	}
}
