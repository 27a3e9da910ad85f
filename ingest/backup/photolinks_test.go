package backup

import (
	"path/filepath"
	"slices"
	"testing"

	"lineup/ingest/signing"
)

// TestLinksToPhotosOutliveARestore: those signed before the backup go on working where another secret signs now.
func TestLinksToPhotosOutliveARestore(t *testing.T) {
	ctx := t.Context()
	js, _ := house(t)
	before, err := signing.PhotoSecrets(ctx, js)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "backup")
	_, err = Write(ctx, js, dir, "test")
	must(t, err)
	other, _ := house(t)
	signs, err := signing.PhotoSecrets(ctx, other)
	must(t, err)
	for range 2 { // the second time nothing changes
		_, _, err = Restore(ctx, other, dir)
		must(t, err)
	}
	after, err := signing.PhotoSecrets(ctx, other)
	must(t, err)
	has := func(key []byte) bool {
		return slices.ContainsFunc(after, func(s signing.PhotoSecret) bool { return string(s.Key) == string(key) })
	}
	if len(after) != 2 || string(after[0].Key) != string(signs[0].Key) || !has(before[0].Key) {
		t.Errorf("%d secrets; the one in use signs %v, the one of the backup is accepted %v", len(after),
			string(after[0].Key) == string(signs[0].Key), has(before[0].Key))
	}
}
