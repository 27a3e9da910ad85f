// Package history tests what the crawl and the ledger together do to people, by random histories of a site, its faults,
// crashes and operators, against a model that says who must be listed. It holds tests only.
package history
