"""Explain why nodes do not get an image that we pushed."""

from collections.abc import Iterator
from contextlib import contextmanager

from kyma_harness.clusters.provider import RegistryAddress
from kyma_harness.oci.errors import PullError
from kyma_harness.wait.give_up import Category
from kyma_harness.wait.waits import WaitError


@contextmanager
def explain_pulls(registry: RegistryAddress) -> Iterator[None]:
    """Say what to do where a wait in the block failed because an image of this registry was not pulled."""
    try:
        yield
    except WaitError as error:
        of_images = [symptom for symptom in error.symptoms if symptom.category is Category.IMAGE]
        if not any(registry.nodes in symptom.cause for symptom in of_images):
            raise
        raise PullError(
            f"the nodes cannot pull from the registry {registry.nodes}, to which we push as {registry.push}: "
            "it has to be reachable from them under that name, and where it speaks plain http containerd "
            "has to be told (certs.d/HOST:PORT/hosts.toml). If they know it under another name: "
            f"--harness-registry={registry.push}=NAME:PORT (--registry)\n{error}"
        ) from error
