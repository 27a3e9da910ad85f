// Package config is the operator's configuration as plain data: defaults, file, environment and
// flags, with validation that says what to do.
package config
