"""Make container images, with a Docker daemon or without one, and bring them where a cluster finds them."""
