"""What a pod may know of itself: the downward API, and its ServiceAccount's tokens."""
