"""Read ``module.yaml``: all that the harness knows of a module."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, reduce
from pathlib import Path
from typing import Any, Self

from kubeloop import goyaml
from kyma_harness.host.descriptions import mapping_in, neighbour, violations
from kyma_harness.kyma.errors import ModuleError

_WHERE = (
    "name the module.yaml of the module with --module (pytest: --harness-module), or go into the folder that"
    " has it"
)
SCHEMA_FILE = Path(__file__).with_name("module.schema.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """The Deployment that reconciles the module's custom resource."""

    namespace: str
    deployment: str
    container: str = "manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is true of this module, and of no other, once it is Ready."""

    finalizer: str | None = None
    log: Mapping[str, Any] = field(default_factory=dict)
    """Fields of one JSON line in the manager's log; ``"*"`` stands for any value."""
    script: Path | None = None
    """A Python file with ``async def checks(installed, client)``, see ``kyma_harness.kyma.verify.Script``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The field of the custom resource that users of the module switch, and what they switch it to."""

    path: str
    """Dotted, such as ``spec.backend.type``."""
    values: tuple[str, ...]

    def value_of(self, resource: Mapping[str, Any]) -> Any:
        """Return what a custom resource is switched to; None where it does not say."""
        found: Any = resource
        for key in self.path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def patch(self, value: str) -> dict[str, Any]:
        """Return the merge patch that sets the field; :class:`ModuleError` where the value is not allowed."""
        if value not in self.values:
            raise ModuleError(f"{self.path} cannot be {value!r}; allowed are {', '.join(self.values)}")
        return reduce(lambda inner, key: {key: inner}, reversed(self.path.split(".")), value)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module as its folder describes it; paths are absolute and exist."""

    name: str
    """The component's name, such as ``kyma.project.io/module/eventing``."""
    version: str
    channel: str
    target: str
    provider: str
    chart: Path
    config: Path
    default_cr: Mapping[str, Any]
    manager: Manager
    rules: Path | None
    image: Path | None
    """The image.yaml of the manager's image; a module without one runs on the process node alone."""
    switch: Switch | None
    verification: Verification

    @property
    def short_name(self) -> str:
        """The name in ``Kyma.spec.modules``: the component name's last path element."""
        return self.name.rpartition("/")[2]

    @classmethod
    def load(cls, path: Path, **instead: str | None) -> Self:
        """Read and check a ``module.yaml``; :class:`ModuleError` lists everything wrong with it.

        ``instead`` takes the place of fields of the file, such as ``version="1.0.1"``; None leaves one alone.
        """
        given = {field: value for field, value in instead.items() if value is not None}
        data = {**mapping_in(path, ModuleError, remedy=_WHERE), **given}
        if problems := violations(data, _schema()):
            listed = "".join(f"\n  {problem}" for problem in problems)
            raise ModuleError(f"{path} does not describe a module:{listed}")
        return cls._from(path, data)

    @classmethod
    def _from(cls, path: Path, data: Mapping[str, Any]) -> Self:
        def named(key: str, where: Mapping[str, Any] = data) -> Path | None:
            return neighbour(path, key, where[key], ModuleError) if key in where else None

        verify = data.get("verify", {})
        return cls(
            name=data["name"],
            version=data["version"],
            channel=data["channel"],
            target=data.get("target", "control-plane"),
            provider=data.get("provider", "internal"),
            chart=neighbour(path, "chart", data["chart"], ModuleError),
            config=neighbour(path, "config", data["config"], ModuleError),
            default_cr=_custom_resource(neighbour(path, "defaultCR", data["defaultCR"], ModuleError)),
            manager=Manager(**data["manager"]),
            rules=named("rules"),
            image=named("image"),
            switch=Switch(path=data["switch"]["path"], values=tuple(data["switch"]["values"]))
            if "switch" in data
            else None,
            verification=Verification(
                finalizer=verify.get("finalizer"),
                log=verify.get("log", {}),
                script=named("script", verify),
            ),
        )


def _custom_resource(path: Path) -> dict[str, Any]:
    """Read the default CR; lifecycle-manager sets its name and namespace, but copies all else."""
    resource = mapping_in(path, ModuleError)
    missing = [key for key in ("apiVersion", "kind") if not resource.get(key)]
    if missing:
        raise ModuleError(f"{path}: the default CR has no {' and no '.join(missing)}")
    return resource


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = goyaml.load(SCHEMA_FILE.read_bytes())
    return schema
