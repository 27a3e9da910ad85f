package schemas

import _ "embed" // for OpenAPI

// OpenAPI is the description of the REST API as OpenAPI 3.1 in YAML: openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
