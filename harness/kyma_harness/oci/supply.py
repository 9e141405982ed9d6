"""Give a cluster with containers the images it runs: the module's manager, the lifecycle managers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import kubeloop
from kubeloop import goyaml
from kubeloop.resource import Object
from kyma_harness.clusters.docker import Docker, Say
from kyma_harness.clusters.provider import Provider, RegistryAddress
from kyma_harness.kyma.choices import Choice, Way
from kyma_harness.kyma.pair import BINARIES, LifecycleManagers
from kyma_harness.oci.assemble import assemble, of_program
from kyma_harness.oci.bundle import Blob, Bundle
from kyma_harness.oci.image import TAG_DIGITS, Image, PullError, RecipeError
from kyma_harness.oci.recipe import Assembly, Recipe
from kyma_harness.oci.registry import Location, connect
from kyma_harness.wait.give_up import Category
from kyma_harness.wait.waits import WaitError


async def push(image: Image, registry: RegistryAddress) -> str:
    """Push an image unless it is there, and return the reference by which nodes pull it."""
    async with connect(Location.parse(registry.push)) as opened:
        for blob in (image.config, *image.layers):
            await opened.push_blob(image.name, blob)
        await opened.push_manifest(image.name, image.tag, image.manifest)
    return f"{registry.nodes}/{image.name}:{image.tag}"


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


def with_image(bundle: Bundle, recipe: Recipe, reference: str) -> Bundle:
    """Return the bundle with the chart's image values overridden; as it is where they say so already."""
    if reference == recipe.reference:
        return bundle
    repository, _, tag = reference.rpartition(":")
    values = f"{recipe.repository_value}={repository},{recipe.tag_value}={tag}"
    data = goyaml.load(bundle.config.content) or {}
    configs: list[dict[str, Any]] = list(data.get("configs") or ())
    name = bundle.module.short_name
    own = next((entry for entry in configs if entry.get("name") == name), {"name": name, "clientConfig": ""})
    given = own.get("overrides")
    own = {**own, "overrides": f"{given},{values}" if given else values}
    others = [entry for entry in configs if entry.get("name") != name]
    content = goyaml.dump({**data, "configs": [*others, own]})
    return replace(bundle, config=Blob(media_type=bundle.config.media_type, content=content.encode()))


PROGRAM = "/manager"
"""The command of both Deployments as Kyma shipped them."""
SOURCES = {"/app/kubeloop": Path(kubeloop.__path__[0]), "/app/kyma_harness": Path(__file__).parents[1]}
"""What the built-in pair is made of, by its place in an image."""
EXTRA_ARGS = {
    "lifecycle-manager": ("--failure-base-delay=100ms", "--failure-max-delay=2s"),
    "module-manager": ("--custom-state-check", "--failure-base-delay=100ms", "--failure-max-delay=2s"),
}
"""As in the process rules: no minutes of exponential polling, and Ready means that the module is."""
REQUESTS = {"cpu": "20m", "memory": "64Mi"}
"""As shipped, each asks for half a core: on two cores the second would never be scheduled."""


async def images_of(managers: LifecycleManagers, tools: Path) -> list[Image]:
    """Make an image of each manager of a pair."""
    if managers.pair is Choice.BUILTIN:
        return [await _builtin(name, tools) for name in BINARIES]
    folder = Path(managers.placeholders["kyma"])
    return [of_program(name, "2022", folder / name, path=PROGRAM) for name in BINARIES]


def with_images(managers: LifecycleManagers, references: Mapping[str, str]) -> LifecycleManagers:
    """Let the Deployments run these images, by name of the manager, with the arguments that tests need."""
    return replace(managers, objects=[_with_image(item, references) for item in managers.objects])


async def _builtin(name: str, tools: Path) -> Image:
    described = Assembly(
        distribution="kubeloop",
        also=("jsonschema", "semver", "tenacity"),
        tools=("helm", "kubectl"),
        files=SOURCES,
        environment={"PYTHONPATH": "/app"},
        entrypoint=("python", "-m", f"kyma_harness.managers.{name.replace('-', '_')}"),
    )
    return await assemble(name, "builtin", described, tools)


def _with_image(item: Object, references: Mapping[str, str]) -> Object:
    if item["kind"] != "Deployment":
        return item
    changed = deepcopy(item)
    for container in changed["spec"]["template"]["spec"]["containers"]:
        name = container["image"].rpartition("/")[2].partition(":")[0]
        if name in references:
            container["image"] = references[name]
            container["imagePullPolicy"] = "IfNotPresent"
            container["args"] = [*container.get("args", ()), *EXTRA_ARGS[name]]
            container.setdefault("resources", {})["requests"] = dict(REQUESTS)
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """The way of images into one cluster."""

    provider: Provider
    tools: Path
    way: Way = Way.AUTO
    build_args: Mapping[str, str] = field(default_factory=dict)
    """For the ARGs of a Dockerfile."""

    async def manager(self, recipe: Recipe, show: Say = lambda _: None) -> str:
        """Make and push the image of a module's manager; return how the cluster refers to it.

        ``show`` gets the lines of a Docker build and push.
        """
        if self._uses_docker:
            return await self._built(recipe, show)
        image = await assemble(recipe.name, recipe.version, recipe.assembly, self.tools)
        return await push(image, self.provider.registry)

    async def lifecycle_managers(self, managers: LifecycleManagers) -> LifecycleManagers:
        """Make and push the images of a pair; return the pair as it is deployed with them."""
        images = await images_of(managers, self.tools)
        references = {image.name: await push(image, self.provider.registry) for image in images}
        return with_images(managers, references)

    @property
    def _uses_docker(self) -> bool:
        return self.way is Way.DOCKER or (self.way is Way.AUTO and self.provider.name in {"k3d", "kind"})

    async def _built(self, recipe: Recipe, show: Say) -> str:
        if recipe.dockerfile is None:
            raise RecipeError(
                f"image {recipe.name}: image.yaml names no dockerfile: add one, or let the image be "
                "assembled with --harness-image=assembled (--image)"
            )
        async with Docker.connect() as docker:
            return await self._build_and_push(docker, recipe, recipe.dockerfile, show)

    async def _build_and_push(self, docker: Docker, recipe: Recipe, dockerfile: Path, show: Say) -> str:
        registry = self.provider.registry
        repository = f"{registry.push}/{recipe.name}"
        built = f"{repository}:{recipe.version}"
        await docker.build(
            context=recipe.context, dockerfile=dockerfile, tag=built, args=self.build_args, say=show
        )
        digest = (await docker.image_id(built)).removeprefix("sha256:")
        tag = f"{recipe.version}-{digest[:TAG_DIGITS]}"
        await docker.tag(built, repository, tag)
        await docker.push(f"{repository}:{tag}", show)
        return f"{registry.nodes}/{recipe.name}:{tag}"
