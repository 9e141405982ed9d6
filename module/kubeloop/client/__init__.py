"""Talk to a Kubernetes API server; the only part that imports the official client."""

from kubeloop.client.api import Client
from kubeloop.client.collections import ObjectList, WatchEvent, named

__all__ = ["Client", "ObjectList", "WatchEvent", "named"]
