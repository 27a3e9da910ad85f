package serve

import _ "embed"

// DemoPhoto is the photo that the DEMO key searches for: a rendering of nobody (CC0).
//
//go:embed demo.jpg
var DemoPhoto []byte
