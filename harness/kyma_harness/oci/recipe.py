"""Read ``image.yaml``: what the image of a module's manager is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kubeloop import goyaml
from kyma_harness.host.descriptions import mapping_in, neighbour, violations
from kyma_harness.oci.image import RecipeError

SCHEMA_FILE = Path(__file__).with_name("recipe.schema.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What goes into the image where no Docker daemon builds it: the same as the Dockerfile says."""

    distribution: str
    """The installed distribution whose run-time requirements go in, itself not."""
    also: Sequence[str] = ()
    """Further distributions, with all that they need."""
    tools: Sequence[str] = ()
    """Programs of the harness's tool folder that go to ``/usr/local/bin``."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Folders and files of the module, by where they are in the container."""
    environment: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Sequence[str]
    user: str = "65532:65532"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An image and both ways to make it; paths are absolute and exist."""

    name: str
    version: str
    reference: str
    """The image as the module's chart names it, where nothing else is said."""
    repository_value: str
    """The value of the chart that names the repository, such as ``image.repository``."""
    tag_value: str
    dockerfile: Path | None
    context: Path
    assembly: Assembly

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check an ``image.yaml``; :class:`RecipeError` lists everything wrong with it."""
        data = mapping_in(path, RecipeError, remedy="name it in module.yaml, image")
        if problems := violations(data, goyaml.load(SCHEMA_FILE.read_bytes())):
            listed = "".join(f"\n  {problem}" for problem in problems)
            raise RecipeError(f"{path} does not describe an image:{listed}")
        return cls._from(path, data)

    @classmethod
    def _from(cls, path: Path, data: Mapping[str, Any]) -> Self:
        assembly = data["assembly"]
        return cls(
            name=data["name"],
            version=data["version"],
            reference=data["reference"],
            repository_value=data["values"]["repository"],
            tag_value=data["values"]["tag"],
            dockerfile=neighbour(path, "dockerfile", data["dockerfile"], RecipeError)
            if "dockerfile" in data
            else None,
            context=neighbour(path, "context", data.get("context", "."), RecipeError),
            assembly=Assembly(
                distribution=assembly["distribution"],
                tools=tuple(assembly.get("tools", ())),
                files={
                    where: neighbour(path, f"assembly.files.{where}", file, RecipeError)
                    for where, file in assembly.get("files", {}).items()
                },
                environment=assembly.get("environment", {}),
                entrypoint=tuple(assembly["entrypoint"]),
                user=assembly.get("user", "65532:65532"),
            ),
        )
