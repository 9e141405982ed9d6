"""What test functions hold in their hands: objects to expect things of, logs, what was gone through."""
