// Package e2e holds the daemon to what its clients see: the contract over HTTP and MCP, the document that
// describes it, and the page in a browser. It is a module of its own, so that the program's go.mod does not
// name the browser's driver and the validator of OpenAPI.
package e2e
