"""Keep tests away from clusters that are not for tests."""

import ipaddress
from urllib.parse import urlsplit

from kyma_harness.clusters.errors import ForeignClusterError

TEST_CONTEXTS = (
    "colima",
    "docker-desktop",
    "k3d-",
    "kind-",
    "microk8s",
    "minikube",
    "orbstack",
    "rancher-desktop",
)
"""How the contexts of clusters begin that live on their user's own machine."""


def check_allowed(context: str, server: str, allowed: str | None) -> None:
    """Let a context through that looks like a test cluster's, or that was allowed by name.

    A test cluster's API server is on this very machine and its context is named as the usual tools name
    theirs. Everything else could be anybody's, so it is asked for: :class:`ForeignClusterError` says how.
    """
    if allowed == context:
        return
    if allowed is not None:
        raise ForeignClusterError(
            f"context {allowed} is allowed, but context {context} was chosen: name the same one twice"
        )
    if context.startswith(TEST_CONTEXTS) and is_local(server):
        return
    raise ForeignClusterError(
        f"context {context} ({server}) does not look like a test cluster, and the harness would deploy "
        f"lifecycle managers with all rights into it. If that is meant: --harness-allow-context={context} "
        "(--allow-context on the command line)"
    )


def is_local(server: str) -> bool:
    """Tell whether an API server's URL leads to this machine."""
    host = urlsplit(server).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".docker.internal")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
