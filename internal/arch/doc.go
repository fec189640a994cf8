// Package arch tests that the code keeps the shape that ARCHITECTURE.md draws, and the few rules of CONTRIBUTING.md that a
// machine can hold. It has no code of its own.
package arch
