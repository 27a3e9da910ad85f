// Package faces holds the synthetic faces of the sample registry and of the tests: renderings
// of made-up heads, CC0, nobody real. README.md says how they were made, manifest.csv what each
// file is.
package faces

import "embed"

// Files holds p001a.jpg .. p040c.jpg (three views of forty made-up people), demo.jpg, the odd
// files of README.md, README.md itself and manifest.csv.
//
//go:embed *.jpg *.png *.webp README.md manifest.csv distances.txt
var Files embed.FS
