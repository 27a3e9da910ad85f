// Package deploy holds no program: it is what an operator deploys Lineup with, and the tests
// that keep these files true to the program.
package deploy
