"""Bring images to the registry that the cluster pulls from."""

from kyma_harness.clusters.provider import RegistryAddress
from kyma_harness.oci.image import Image
from kyma_harness.oci.location import Location
from kyma_harness.oci.registry import connect


async def push(image: Image, registry: RegistryAddress) -> str:
    """Push an image unless it is there, and return the reference by which nodes pull it."""
    async with connect(Location.parse(registry.push)) as opened:
        for blob in (image.config, *image.layers):
            await opened.push_blob(image.name, blob)
        await opened.push_manifest(image.name, image.tag, image.manifest)
    return f"{registry.nodes}/{image.name}:{image.tag}"
