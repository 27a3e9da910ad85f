package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"lineup/queryd"
	"lineup/schemas"
)

// TestManySourcesMakeNoHugeHeaders holds that an answer with records of many registries passes
// through proxies, which take some kilobytes of headers, and says where the other notices are.
func TestManySourcesMakeNoHugeHeaders(t *testing.T) {
	h := newNode(t, func(_ *queryd.Config, d *queryd.Deps) {
		for i := range 40 {
			d.Sources = append(d.Sources, queryd.Source{ID: fmt.Sprintf("us-z%02d", i), Name: fmt.Sprintf("Example Registry %d", i),
				Notices: []string{strings.Repeat("Positive identification needs fingerprints. ", 5)}})
		}
	})
	for i := range 40 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase", func(r *schemas.Record) { r.Source = fmt.Sprintf("us-z%02d", i) }), nil)
	}
	response, _ := h.keyed("GET", "/sexoffender?lastName=Testcase&perPage=50", "")
	size := 0
	for name, values := range response.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	notices := response.Header.Values("X-Source-Notice")
	if size > 4000 || len(notices) < 5 || !strings.Contains(notices[len(notices)-1], "/v1/coverage") {
		t.Errorf("%d bytes of headers, %d notices, the last %q", size, len(notices), notices[len(notices)-1])
	}
}
