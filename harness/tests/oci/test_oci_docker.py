"""The way of an image by Docker: built, pushed by its content, and referred to as the nodes know it."""

from dataclasses import dataclass

import aiohttp
import pytest
import yaml

from kyma_harness.clusters.docker import Docker
from kyma_harness.clusters.errors import BuildError, DockerError
from kyma_harness.clusters.provider import REGISTRY_IMAGE, RegistryAddress
from kyma_harness.host.ports import PortPool
from kyma_harness.kyma.choices import Way
from kyma_harness.oci.image import RecipeError
from kyma_harness.oci.recipe import Recipe
from kyma_harness.oci.supply import Supply

REGISTRY = "kyma-harness-tests-registry"


@dataclass(frozen=True)
class AProvider:
    """As much of a provider as images need."""

    name: str
    registry: RegistryAddress


@pytest.fixture
async def registry():
    """A registry that a real Docker daemon runs, where one is at hand."""
    with PortPool() as ports:
        port = ports.reserve()
    try:
        async with Docker.connect() as docker:
            await docker.run_registry(REGISTRY, image=REGISTRY_IMAGE, port=port, labels={"of": "tests"})
            yield RegistryAddress(push=f"localhost:{port}", pull="pods:5000", nodes="nodes:5000")
            await docker.remove(REGISTRY)
    except (DockerError, BuildError) as error:
        pytest.skip(str(error))


def a_recipe(folder, **changes):
    described = {
        "name": "thing",
        "version": "1.2.3",
        "reference": "registry:5001/thing:1.2.3",
        "values": {"repository": "image.repository", "tag": "image.tag"},
        "assembly": {"distribution": "thing", "entrypoint": ["/file"]},
    }
    (folder / "file").write_text("content")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY file /file\n")
    (folder / "image.yaml").write_text(yaml.safe_dump(described | changes))
    return Recipe.load(folder / "image.yaml")


async def test_a_built_image_is_in_the_registry_under_a_tag_of_its_content(registry, tmp_path):
    supply = Supply(provider=AProvider("k3d", registry), tools=tmp_path)
    recipe = a_recipe(tmp_path, dockerfile="Dockerfile")

    reference = await supply.manager(recipe)

    assert reference.startswith("nodes:5000/thing:1.2.3-")
    tag = reference.rpartition(":")[2]
    url = f"http://{registry.push}/v2/thing/tags/list"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert (await response.json())["tags"] == [tag]
    async with Docker.connect() as docker:
        for name in (tag, "1.2.3"):
            await docker.remove_image(f"{registry.push}/thing:{name}")


async def test_the_arguments_of_a_build_reach_its_dockerfile(registry, tmp_path):
    recipe = a_recipe(tmp_path, dockerfile="Dockerfile")
    (tmp_path / "Dockerfile").write_text("ARG BASE=no-such-image\nFROM ${BASE}\nCOPY file /file\n")
    supply = Supply(provider=AProvider("k3d", registry), tools=tmp_path, build_args={"BASE": "scratch"})
    shown = []

    reference = await supply.manager(recipe, shown.append)

    assert any("FROM scratch" in line or "FROM ${BASE}" in line for line in shown)
    async with Docker.connect() as docker:
        for name in (reference.rpartition(":")[2], "1.2.3"):
            await docker.remove_image(f"{registry.push}/thing:{name}")


async def test_an_image_without_a_dockerfile_says_what_to_do(tmp_path):
    address = RegistryAddress(push="a:1", pull="b:1", nodes="c:1")
    supply = Supply(provider=AProvider("embedded", address), tools=tmp_path, way=Way.DOCKER)

    with pytest.raises(RecipeError, match="--harness-image=assembled"):
        await supply.manager(a_recipe(tmp_path))
