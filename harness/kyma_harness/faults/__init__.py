"""Make a cluster misbehave on purpose, in a way that can be repeated: see docs/reference/faults.md."""
