"""Talk to a Kubernetes API server; the only part that knows the official client."""

from kubeloop.client.answers import ObjectList, WatchEvent
from kubeloop.client.api import Client, named

__all__ = ["Client", "ObjectList", "WatchEvent", "named"]
