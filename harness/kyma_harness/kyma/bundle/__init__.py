"""Make of a module what a registry holds and what lifecycle-manager reads, and check both before."""
