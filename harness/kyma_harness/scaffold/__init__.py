"""Write a module.yaml, and what belongs to it, from what a repository has."""
