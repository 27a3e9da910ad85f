package fetch

import (
	"bytes"
	"encoding/binary"
)

// marks are texts, of four bytes at least, to be looked for together.
type marks struct {
	texts [][]byte
	begin [64]uint64 // a bit for the hash of each text's first four bytes
}

func newMarks(lists ...[]string) *marks {
	m := &marks{}
	for _, list := range lists {
		for _, text := range list {
			h := beginning([]byte(text))
			m.texts, m.begin[h>>6] = append(m.texts, []byte(text)), m.begin[h>>6]|1<<(h&63)
		}
	}
	return m
}

// beginning hashes the first four bytes of text to twelve bits.
func beginning(text []byte) uint32 { return binary.LittleEndian.Uint32(text) * 0x9e3779b1 >> 20 }

// in reports whether text has any of them.
func (m *marks) in(text []byte) bool {
	for i := 0; i+4 <= len(text); i++ {
		if h := beginning(text[i:]); m.begin[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for _, mark := range m.texts {
			if bytes.HasPrefix(text[i:], mark) {
				return true
			}
		}
	}
	return false
}
