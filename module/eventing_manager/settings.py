"""The manager's settings: the arguments of its command line, read once."""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from eventing_manager.api.names import NATS, NATS_MONITORING_PORT
from eventing_manager.decide.provide import ANNOTATIONS, LABELS, AllowedMetadata
from eventing_manager.errors import SettingsError
from eventing_manager.observe.jetstream import ORDINAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HELM: Final = "helm"
CHART: Final = Path("/module-chart")
"""Where the image has the chart."""

_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

NAMESPACE: Final = "kyma-system"
"""Where the backend goes, and the manager itself, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """How to find what is installed and what is installed by."""

    helm: str
    """The helm executable, found on the PATH or named by its path."""

    chart: Path
    """Folder of the chart that is installed."""

    namespace: str
    """Where the chart's objects go."""

    nats_monitoring_url: str
    """Where JetStream is asked; another address than the Service's where names do not resolve."""

    nats_server_url: str
    """Where one server of several is asked, with ``{ordinal}`` in it; another than the pod's likewise."""

    serve_namespaces: tuple[str, ...] = ()
    """The namespaces whose Eventings are served; none means all of them."""

    pod_metadata: AllowedMetadata = field(default_factory=AllowedMetadata)
    """What Eventings may put on the pods of NATS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the manager was started with."""

    backend: BackendSettings

    metrics_address: str
    """``host:port`` of /metrics; without a host, every interface."""

    probes_address: str
    """``host:port`` of /healthz and /readyz."""

    leader_elect: bool
    """Wait for the lease before reconciling; needed where two managers may run at once."""

    deprovision_on_shutdown: bool
    """Remove the backend on SIGTERM. Off by default: it also comes with every roll-out and node drain."""

    shutdown_timeout: float
    """Seconds that running passes and the deprovisioning may take: fewer than the Pod's grace period."""

    identity: str
    """Who holds the lease: the pod's name."""

    hand_over_delay: float = 10.0
    """Seconds until the next Eventing is served where the one before is gone: when the module is removed, its
    own Eventing goes first, and what is begun for another one then would be left behind."""


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings of a command line and an environment; SettingsError where they make no sense."""
    given = _parser(environment).parse_args(arguments)
    return Settings(
        backend=backend_settings(given),
        metrics_address=_address(given.metrics_bind_address),
        probes_address=_address(given.health_probe_bind_address),
        leader_elect=given.leader_elect,
        deprovision_on_shutdown=given.deprovision_on_shutdown,
        shutdown_timeout=_seconds("--shutdown-timeout", given.shutdown_timeout),
        identity=environment.get("POD_NAME") or f"{os.uname().nodename}-{os.getpid()}",
        hand_over_delay=_seconds("--hand-over-delay", given.hand_over_delay),
    )


def backend_settings(given: argparse.Namespace) -> BackendSettings:
    """Return what the arguments of ``add_backend_arguments`` say; SettingsError where they make no sense."""
    helm = _executable(given.helm)
    if helm is None:
        raise SettingsError(f"there is no helm at {given.helm!r}; install it or set --helm to its path")
    if not (given.chart / "Chart.yaml").is_file():
        raise SettingsError(
            f"{given.chart} is not a chart: it has no Chart.yaml; set --chart to the folder that has it"
        )
    return BackendSettings(
        helm=helm,
        chart=given.chart,
        namespace=given.namespace,
        nats_monitoring_url=given.nats_monitoring_url or _service_url(given.namespace),
        nats_server_url=_server_url(given.nats_server_url, given.namespace),
        serve_namespaces=_names("--serve-namespaces", given.serve_namespaces),
        pod_metadata=AllowedMetadata(
            labels=_list(given.pod_labels), annotations=_list(given.pod_annotations)
        ),
    )


def _executable(helm: str) -> str | None:
    """Return where helm is; beside the PATH, the harness keeps one for those who work on the module."""
    found = shutil.which(helm)
    if found is not None or helm != HELM:
        return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = cache.glob("kyma-harness/tools/helm-*/helm")
    return next((str(path) for path in sorted(kept, reverse=True) if os.access(path, os.X_OK)), None)


def _chart() -> Path:
    """Return the chart of the image, or that of the checkout which this file is in."""
    of_checkout = Path(__file__).resolve().parents[2] / CHART.name
    return of_checkout if not CHART.exists() and of_checkout.exists() else CHART


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _names(argument: str, text: str) -> tuple[str, ...]:
    """Return the names of namespaces; SettingsError for what is none."""
    names = _list(text)
    wrong = next((name for name in names if not _NAMESPACE.fullmatch(name)), None)
    if wrong is not None:
        raise SettingsError(f"{argument}: {wrong!r} cannot be a namespace; write names with commas between")
    return names


def _seconds(argument: str, seconds: float) -> float:
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"{argument} {seconds:g} makes no sense; give it seconds, 0 or more")
    return seconds


def _address(text: str) -> str:
    _, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal():
        raise SettingsError(f"{text!r} is not an address; write it like :8080 or 127.0.0.1:8080")
    return text


def _service_url(namespace: str) -> str:
    return f"http://{NATS}.{namespace}.svc:{NATS_MONITORING_PORT}"


def _server_url(given: str | None, namespace: str) -> str:
    if given is None:
        return f"http://{NATS}-{ORDINAL}.{NATS}-headless.{namespace}.svc:{NATS_MONITORING_PORT}"
    if ORDINAL not in given:
        raise SettingsError(
            f"{given!r} leads to one server only; write {ORDINAL} where the servers' addresses differ,"
            f" as in http://127.0.0.1:822{ORDINAL}"
        )
    return given


def add_backend_arguments(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    """Add what every command needs that looks at the backend."""
    parser.add_argument("--helm", default=HELM, metavar="PATH", help="helm executable (default: %(default)s)")
    parser.add_argument(
        "--chart",
        type=Path,
        default=_chart(),
        metavar="DIR",
        help="chart folder (default: %(default)s)",
    )
    parser.add_argument(
        "--namespace",
        default=environment.get("POD_NAMESPACE", NAMESPACE),
        help="namespace of the backend (default: %(default)s)",
    )
    parser.add_argument(
        "--nats-monitoring-url",
        metavar="URL",
        help="where JetStream is asked (default: the Service of NATS by its name)",
    )
    parser.add_argument(
        "--nats-server-url",
        metavar="URL",
        help=f"where each of several servers is asked, with {ORDINAL} in the place of its number"
        " (default: the pods by their names)",
    )
    parser.add_argument(
        "--serve-namespaces",
        default="",
        metavar="NAMES",
        help="serve Eventings of these namespaces alone, with commas between (default: of every namespace)",
    )
    parser.add_argument(
        "--pod-labels",
        default=",".join(LABELS),
        metavar="KEYS",
        help="labels that Eventings may put on the pods of NATS: keys, or example.com/ for all below a domain"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--pod-annotations",
        default=",".join(ANNOTATIONS),
        metavar="KEYS",
        help="annotations with a prefix likewise; those without one always may be (default: %(default)s)",
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventing-manager",
        description="Provision the backend that an Eventing resource asks for."
        ' "eventing-manager plan --help" tells of a preview.',
    )
    add_backend_arguments(parser, environment)
    parser.add_argument(
        "--metrics-bind-address", default=":8080", metavar="ADDRESS", help="metrics (default: %(default)s)"
    )
    parser.add_argument(
        "--health-probe-bind-address",
        default=":8081",
        metavar="ADDRESS",
        help="/healthz and /readyz (default: %(default)s)",
    )
    parser.add_argument(
        "--leader-elect",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="hold a lease while reconciling, so that of several managers one is active",
    )
    parser.add_argument(
        "--deprovision-on-shutdown",
        action="store_true",
        help="remove the backend before the manager ends on SIGTERM, unless messages are undelivered",
    )
    parser.add_argument(
        "--shutdown-timeout",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="how long stopping may take, less than the Pod's grace period (default: %(default)g)",
    )
    parser.add_argument(
        "--hand-over-delay",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long the next Eventing waits when the one that was served is gone: the module may be about"
        " to go, too (default: %(default)g)",
    )
    return parser
