"""Read ``image.yaml``: what the image of a module's manager is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml
from jsonschema import Draft202012Validator

from kyma_harness.oci.errors import RecipeError

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
        data = _mapping(path)
        schema = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
        problems = [
            f"{'.'.join(map(str, error.absolute_path)) or 'the file'}: {error.message}"
            for error in Draft202012Validator(schema).iter_errors(data)
        ]
        if problems:
            listed = "".join(f"\n  {problem}" for problem in sorted(problems))
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
            dockerfile=_existing(path, data["dockerfile"]) if "dockerfile" in data else None,
            context=_existing(path, data.get("context", ".")),
            assembly=Assembly(
                distribution=assembly["distribution"],
                tools=tuple(assembly.get("tools", ())),
                files={where: _existing(path, file) for where, file in assembly.get("files", {}).items()},
                environment=assembly.get("environment", {}),
                entrypoint=tuple(assembly["entrypoint"]),
                user=assembly.get("user", "65532:65532"),
            ),
        )


def _mapping(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"{path} cannot be read ({error.strerror}): name it in module.yaml, image"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not YAML: {error}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path} holds {type(data).__name__}, not a mapping")
    return data


def _existing(recipe: Path, value: str) -> Path:
    path = (recipe.parent / value).resolve()
    if not path.exists():
        raise RecipeError(f"{recipe}: {path} does not exist; paths are relative to image.yaml")
    return path
