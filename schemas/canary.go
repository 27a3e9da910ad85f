package schemas

import (
	"context"
	"strconv"
	"sync"
)

// CanarySource is the source of the canary: a rendered face that the program lists, searches and delists to see
// that it can. Nobody real is of it, and no definition has its id.
const CanarySource = "canary"

// CanaryKeys is how many record keys the canary has. It takes the next one each time it was removed for ever.
const CanaryKeys = 4096

// CanaryKey is the n-th key, from 0.
func CanaryKey(n int) string { return strconv.Itoa(n + 1) }

var canaries = sync.OnceValue(func() map[UUID]int {
	all := make(map[UUID]int, CanaryKeys)
	for n := range CanaryKeys {
		all[RegistrantID(CanarySource, CanaryKey(n))] = n + 1
	}
	return all
})

// CanaryNumber is the number of the key under which a registrant is the canary, from 1, and 0 for everybody else.
func CanaryNumber(id UUID) int { return canaries()[id] }

// IsCanary reports whether a registrant is the canary, under whichever of its keys.
func IsCanary(id UUID) bool { return CanaryNumber(id) > 0 }

// Viewer is who looks: everybody but the canary's own key sees everybody but the canary, and that key sees the canary alone.
type Viewer struct{ Canary bool }

type viewerKey struct{}

// WithViewer is a context in which v looks. Who looks may become known later, by changing v before anything is looked at.
func WithViewer(ctx context.Context, v *Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// ViewsCanary reports whether the canary's own key looks.
func ViewsCanary(ctx context.Context) bool {
	v, ok := ctx.Value(viewerKey{}).(*Viewer)
	return ok && v.Canary
}

// Visible reports whether whoever looks may know of a registrant. It is the one rule of who is visible to whom.
func Visible(ctx context.Context, id UUID) bool { return IsCanary(id) == ViewsCanary(ctx) }
