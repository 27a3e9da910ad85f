package text

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"lineup/internal/notify"
	"lineup/internal/operate"
	"lineup/queryd/keys"
)

// Keys shows API keys, without their secrets.
func Keys(to io.Writer, all []keys.Key) error {
	w := columns(to)
	fmt.Fprintln(w, "ID\tNAME\tCREATED\tREVOKED\tA MINUTE\tA DAY\tTERMS")
	for _, k := range all {
		revoked := ""
		if !k.Revoked.IsZero() {
			revoked = k.Revoked.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Created.Format(time.DateOnly), revoked, limit(k.PerMinute),
			limit(k.PerDay), k.Terms)
	}
	return w.Flush()
}

// limit shows a key's own limit, or that the server's applies.
func limit(n int) string {
	if n == 0 {
		return "default"
	}
	return strconv.Itoa(n)
}

// KeyUsage shows the use of keys, one line per key and day.
func KeyUsage(to io.Writer, used []operate.KeyUse) error {
	w := columns(to)
	fmt.Fprintln(w, "ID\tNAME\tDAY\tREQUESTS\tFACES\tRECORDS\tREFUSED")
	for _, u := range used {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", u.Key, u.Name, u.Day, u.Total(), u.Kinds["faces"], u.Kinds["sexoffender"],
			u.Kinds["refused"])
	}
	return w.Flush()
}

// DeadHooks shows deliveries to webhooks that were given up.
func DeadHooks(to io.Writer, dead []operate.DeadHook) error {
	w := columns(to)
	fmt.Fprintln(w, "WATCH\tKEY\tHOST\tSINCE\tGIVEN UP\tATTEMPTS\tWHY")
	for _, h := range dead {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", h.Watch, h.Key, h.Host, h.Since.Format(time.RFC3339), h.GivenUp.Format(time.RFC3339),
			h.Attempts, h.Why)
	}
	return w.Flush()
}

// Revoked says which key was revoked.
func Revoked(w io.Writer, key keys.Key) error {
	_, err := fmt.Fprintf(w, "revoked %s (%s)\n", key.Name, key.ID)
	return err
}

// Signed describes a signed document.
func Signed(w io.Writer, found operate.Signed) error {
	_, err := fmt.Fprintln(w, found.Says)
	return err
}

// Told confirms that a notice was sent.
func Told(w io.Writer, _ notify.Notice) error {
	_, err := fmt.Fprintln(w, "told; see that it arrived")
	return err
}

// JSON writes any answer for a program. An empty list or map is [] or {}, never null, at any depth.
func JSON(w io.Writer, v any) error {
	err := json.MarshalWrite(w, v, jsonv1.DefaultOptionsV1(), json.FormatNilSliceAsNull(false), json.FormatNilMapAsNull(false),
		jsontext.WithIndent("  "))
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
