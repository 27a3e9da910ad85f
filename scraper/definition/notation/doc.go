// Package notation reads the ways registries write things: dates, heights, weights, names, addresses, the usual
// words and letters for colours, races, sexes and kinds of address. Its functions know no definition and no page.
package notation
