"""Talk to a Kubernetes API server; the only part that imports the official client."""

from controller.client.api import Client
from controller.client.collections import ObjectList, WatchEvent

__all__ = ["Client", "ObjectList", "WatchEvent"]
