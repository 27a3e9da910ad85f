package source

// What is done to one selector, and whether it would be heard of, for tests that crawl with it.
var (
	BreakOne = breakOne
	Noticed  = noticed
)
