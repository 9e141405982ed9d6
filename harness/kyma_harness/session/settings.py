"""What a run was asked for: computed once, from the command line or pytest, and handed down."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kyma_harness.clusters.errors import ClusterNameError
from kyma_harness.clusters.options import ProviderOptions
from kyma_harness.host.choices import Choice, Way
from kyma_harness.host.paths import cache_dir, definite, state_dir

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one run; every field has the value that is used, defaults included."""

    cluster: str = DEFAULT_CLUSTER
    """The cluster's name; clusters of different names do not touch each other."""
    provider: str = "auto"
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


def default_module(folder: Path, checkout: Path = PROJECT) -> Path:
    """Return the module that is meant in a folder: its own, else the Eventing module's of our checkout.

    It need not exist: an installed harness is in no checkout.
    """
    own, eventing = folder / MODULE_FILE, checkout / "module" / MODULE_FILE
    return own if own.exists() or not eventing.exists() else eventing


def check_name(cluster: str) -> None:
    """Raise :class:`ClusterNameError` where a cluster cannot be called so."""
    if not NAME.fullmatch(cluster):
        raise ClusterNameError(
            f"{cluster!r} cannot be a cluster's name",
            remedy="give --cluster (pytest: --harness-cluster) up to 32 lower-case letters, digits and dashes"
            ", with no dash at either end",
        )


def from_environment(
    environ: Mapping[str, str] = os.environ, *, base: Path | None = None, **chosen: object
) -> Settings:
    """Fill in from the environment what was not chosen; ``None`` counts as not chosen.

    Paths become absolute, as another command may be called from another folder; they begin at ``base``, by
    default the current folder.
    """
    places = {"cache": cache_dir(environ), "state": state_dir(environ)}
    variables = {"kyma_dist": "KYMA_DIST", "tools": "HARNESS_TOOLS"}
    found = {field: Path(environ[name]) for field, name in variables.items() if environ.get(name)}
    given = {field: value for field, value in chosen.items() if value is not None}
    paths = {name: value for name, value in (found | given).items() if isinstance(value, Path)}
    # Whatever a cluster's processes are marked by stays as it was spelt: its folder.
    absolute = {
        name: value.absolute() if name in places else definite(value, base) for name, value in paths.items()
    }
    return Settings(**{**places, **found, **given, **absolute})  # type: ignore[arg-type]
