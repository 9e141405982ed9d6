"""Give a cluster with containers the images it runs: the module's manager, the lifecycle managers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kyma_harness.clusters.docker import Docker, Say
from kyma_harness.clusters.provider import Provider
from kyma_harness.host.choices import Way
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.oci.assemble import assemble
from kyma_harness.oci.errors import RecipeError
from kyma_harness.oci.image import TAG_DIGITS
from kyma_harness.oci.manager_images import images_of, with_images
from kyma_harness.oci.push import push
from kyma_harness.oci.recipe import Recipe


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
