"""A pod's way from its arrival on the node to its removal, and what the API server is told of it."""
