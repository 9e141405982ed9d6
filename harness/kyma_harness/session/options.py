"""What a run may be asked for, in one table, and what it was asked for: from command line, environment, file.

``--allow-context`` of ``kyma-harness up`` is ``--harness-allow-context`` of pytest, ``harness_allow_context``
in its configuration file and ``$KYMA_HARNESS_ALLOW_CONTEXT`` for both. The first that is given counts, in the
order command line, environment, configuration file.
"""

import enum
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kyma_harness.clusters.errors import ClusterNameError
from kyma_harness.clusters.provider import AUTO, NAMES, ProviderOptions
from kyma_harness.host.errors import HarnessError
from kyma_harness.host.paths import cache_dir, definite, state_dir
from kyma_harness.kyma.choices import Choice, Way

PROJECT = Path(__file__).resolve().parents[3]
"""The checkout, where this is not installed from a wheel."""
DEFAULT_CLUSTER = "kyma"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
"""What a cluster may be called: its name is also a folder's and a host's, and k3d takes 32 characters."""
MODULE_FILE = "module.yaml"
RECORD = "testbed.json"
"""The file beside a cluster that says what it was made for: see :mod:`kyma_harness.session.record`."""
PREFIX = "unsigned"
"""The registry's folder for modules; what the Kyma CLI's users of the time called theirs."""


class Stage(enum.StrEnum):
    """The main job's stages, in their order: see :mod:`kyma_harness.session.stages`."""

    CLUSTER = "cluster"
    BUNDLE = "bundle"
    MANAGERS = "managers"
    KYMA = "kyma"
    RIGHTS = "rights"
    ENABLE = "enable"
    VERIFY = "verify"

    @classmethod
    def between(cls, first: "Stage", last: "Stage") -> "list[Stage]":
        """Return the stages from one to another, both included, in their order."""
        order = list(cls)
        return order[order.index(first) : order.index(last) + 1]


class AnswerError(HarnessError):
    """An answer that is none of those that the option has."""


class Kind(enum.Enum):
    """What an option's value is used as."""

    TEXT = enum.auto()
    PATH = enum.auto()
    MAPPING = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that may be asked for."""

    name: str
    help: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    default: str | None = None
    variable: str = ""
    """The environment variable that counts wherever one asks; that of the command line alone is click's."""
    in_pytest: str = ""
    """The help of pytest's option, where that means something else."""
    prefix: str = "harness-"
    """What pytest's option begins with."""
    in_file: bool = False
    """Whether pytest's configuration file may have it."""

    @property
    def option(self) -> str:
        """The name as a command-line option spells it, without dashes in front."""
        return self.name.replace("_", "-")

    @property
    def of_pytest(self) -> str:
        """The option as pytest has it."""
        return f"--{self.prefix}{self.option}"

    @property
    def of_file(self) -> str:
        """The name in pytest's configuration file."""
        return f"harness_{self.name}"

    def checked(self, value: str, base: Path | None = None) -> str | Path | dict[str, str]:
        """Return an answer as it is used; a command line checks its own, other places do not."""
        if self.choices and value not in self.choices:
            raise AnswerError(
                f"{value} is no {self.name}: ${self.variable}, or {self.of_file} in pytest's "
                f"configuration, has to be one of {', '.join(self.choices)}"
            )
        if self.kind is Kind.MAPPING:
            return self._mapping(value)
        return definite(Path(value), base) if self.kind is Kind.PATH else value

    def _mapping(self, value: str) -> dict[str, str]:
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(name and equals for name, equals, _ in pairs):
            raise AnswerError(f"{value}: {self.name} are NAME=VALUE, several with commas between them")
        return {name: meant for name, _, meant in pairs}


def _of_provider(name: str, told: str, kind: Kind = Kind.TEXT, choices: tuple[str, ...] = ()) -> Option:
    variable = f"KYMA_HARNESS_{name.upper()}"
    return Option(name=name, help=told, kind=kind, choices=choices, variable=variable, in_file=True)


CLUSTER = Option(
    name="cluster",
    help="the cluster's name: lower-case letters, digits, dashes",
    in_pytest="take up, and leave running, the cluster of this name",
)
TOOLS = Option(
    name="tools",
    help="a folder with every tool, instead of fetching or building them",
    kind=Kind.PATH,
    variable="HARNESS_TOOLS",
)
MODULE = Option(name="module", help="the module's module.yaml", kind=Kind.PATH)
KYMA_DIST = Option(
    name="kyma_dist",
    help="a folder with the real lifecycle managers",
    kind=Kind.PATH,
    variable="KYMA_DIST",
    prefix="",
)
KYMA = Option(
    name="kyma",
    help="the pair of lifecycle managers; auto: the real one where it is at hand, else the built-in one",
    choices=tuple(map(str, Choice)),
    default=str(Choice.AUTO),
    prefix="",
)
OF_PROVIDERS = (
    _of_provider("provider", "who provides the cluster", choices=(AUTO, *NAMES)),
    _of_provider("image", "how the manager's image is made", choices=tuple(map(str, Way))),
    _of_provider("build_args", "for a Docker build of that image: NAME=VALUE,…", Kind.MAPPING),
    _of_provider("kubeconfig", "existing: the kubeconfig to look into", Kind.PATH),
    _of_provider("context", "existing: the context to use"),
    _of_provider("allow_context", "existing: the context once more, if it looks like anybody's"),
    _of_provider(
        "registry", "existing: HOST:PORT that we push to, and =HOST:PORT if nodes know it by another name"
    ),
    _of_provider("node_image", "k3d, kind: the image of the nodes"),
    _of_provider("registry_image", "k3d, kind: the image of the registry beside the cluster"),
    _of_provider("kind_binary", "kind: the program", Kind.PATH),
    _of_provider("kind_config", "kind: a cluster configuration to start from", Kind.PATH),
)
"""Who provides the cluster and the image of the manager, and how."""
OPTIONS = (KYMA, KYMA_DIST, TOOLS, MODULE, *OF_PROVIDERS, CLUSTER)
"""All that a run may be asked for."""
_NOT_OF_PROVIDERS_OWN = ("provider", "image", "build_args")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one run; every field has the value that is used, defaults included."""

    cluster: str = DEFAULT_CLUSTER
    """The cluster's name; clusters of different names do not touch each other."""
    provider: str = AUTO
    options: ProviderOptions = field(default_factory=ProviderOptions)
    """What only some providers have a choice about."""
    image: Way = Way.AUTO
    build_args: Mapping[str, str] = field(default_factory=dict)
    """What a Docker build of the manager's image is given, such as bases that a company keeps for itself."""
    kyma: Choice = Choice.AUTO
    kyma_dist: Path | None = None
    """A folder with the real lifecycle managers (``$KYMA_DIST``)."""
    tools: Path | None = None
    """A folder with every tool, used instead of the cache (``$HARNESS_TOOLS``)."""
    module: Path = field(default_factory=lambda: default_module(Path.cwd()))
    cache: Path
    state: Path
    """The folder under which every cluster has its own."""
    detached: bool = True
    """Whether the cluster outlives those who use it."""
    keep: bool = False
    """Whether it outlives tests for the sake of the next ones, which may make it anew."""

    def __post_init__(self) -> None:
        """Refuse a name that would lead out of the clusters' folder, or that not every provider takes."""
        check_name(self.cluster)

    @property
    def cluster_state(self) -> Path:
        """The folder of this cluster: kubeconfig, logs, data."""
        return self.state / "clusters" / self.cluster

    @property
    def making(self) -> Path:
        """The folder of the locks that clusters are made and left under."""
        return self.state / "making"

    def forget_empty_folders(self) -> None:
        """Remove the folders above the clusters' own, once the last cluster is gone."""
        for folder in (self.state / "clusters", self.state / "turns", self.making, self.state):
            with suppress(OSError):  # it is not empty, or not there
                folder.rmdir()


def own_module(folder: Path) -> Path | None:
    """Return the module of a folder itself, if it has one."""
    return folder / MODULE_FILE if (folder / MODULE_FILE).exists() else None


def default_module(folder: Path, checkout: Path = PROJECT) -> Path:
    """Return the module that is meant in a folder: its own, else the Eventing module's of our checkout.

    It need not exist: an installed harness is in no checkout.
    """
    eventing = checkout / "module" / MODULE_FILE
    return own_module(folder) or (eventing if eventing.exists() else folder / MODULE_FILE)


def check_name(cluster: str) -> None:
    """Raise :class:`ClusterNameError` where a cluster cannot be called so."""
    if not NAME.fullmatch(cluster):
        raise ClusterNameError(
            f"{cluster!r} cannot be a cluster's name",
            remedy="give --cluster (pytest: --harness-cluster) up to 32 lower-case letters, digits and dashes"
            ", with no dash at either end",
        )


def answers(
    given: Mapping[str, Any],
    configured: Callable[[str], str] = lambda _: "",
    environ: Mapping[str, str] = os.environ,
    base: Path | None = None,
) -> dict[str, Any]:
    """Return what was asked for of the provider and the image, as :class:`Settings` takes it.

    ``given`` has the command line's values by name, ``configured`` returns a configuration file's. Paths
    begin at ``base``, by default the current folder.
    """
    found: dict[str, Any] = {}
    for option in OF_PROVIDERS:
        value = given.get(option.name) or environ.get(option.variable) or configured(option.name)
        if value:
            found[option.name] = option.checked(str(value), base)
    own = {name: value for name, value in found.items() if name not in _NOT_OF_PROVIDERS_OWN}
    return {
        "provider": found.get("provider", AUTO),
        "image": Way(found.get("image", Way.AUTO)),
        "build_args": found.get("build_args", {}),
        "options": ProviderOptions(**own),
    }


def from_environment(
    environ: Mapping[str, str] = os.environ, *, base: Path | None = None, **chosen: object
) -> Settings:
    """Fill in from the environment what was not chosen; ``None`` counts as not chosen.

    Paths become absolute, as another command may be called from another folder; they begin at ``base``, by
    default the current folder.
    """
    places = {"cache": cache_dir(environ), "state": state_dir(environ)}
    of_environment = [option for option in OPTIONS if option.variable and option not in OF_PROVIDERS]
    found = {one.name: Path(environ[one.variable]) for one in of_environment if environ.get(one.variable)}
    given = {name: value for name, value in chosen.items() if value is not None}
    paths = {name: value for name, value in (found | given).items() if isinstance(value, Path)}
    # Whatever a cluster's processes are marked by stays as it was spelt: its folder.
    absolute = {
        name: value.absolute() if name in places else definite(value, base) for name, value in paths.items()
    }
    return Settings(**{**places, **found, **given, **absolute})  # type: ignore[arg-type]
