package read

// From is the source with the file that its definition was read from, and whether the program ships another
// definition of the id, in whose place this one is.
func (s *Source) From(file string, shadows bool) *Source {
	from := *s
	from.file, from.shadows = file, shadows
	return &from
}
