package broker

import (
	"fmt"
	"strconv"
	"strings"
)

// Token is name as one token of a subject or key: letters, digits, dashes and underscores as they are, every other byte
// as =XX in hexadecimal. So a name with a dot stays one token, and the tools of NATS read its key.
func Token(name string) string {
	plain := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// Named is the name that token stands for; a token that Token does not make stands for itself.
func Named(token string) string {
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		if token[i] == '=' && i+2 < len(token) {
			if c, err := strconv.ParseUint(token[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(token[i])
	}
	return b.String()
}
