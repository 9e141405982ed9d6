"""Bundles and images: made with a Docker daemon or without one, and pushed where a cluster finds them."""
