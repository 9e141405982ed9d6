"""``eventing-manager plan``: print what would be done for an Eventing."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import yaml

from eventing_manager.claims import Claims
from eventing_manager.credentials import CredentialsKeeper
from eventing_manager.errors import SettingsError
from eventing_manager.guard import Guard
from eventing_manager.installation import Installation
from eventing_manager.jetstream import Monitoring
from eventing_manager.names import EVENTING, MANAGER, RELEASE
from eventing_manager.owned import NoCopies
from eventing_manager.plan import Planner
from eventing_manager.render import ChartRenderer
from eventing_manager.settings import BackendSettings, add_backend_arguments, backend_settings
from kubeloop.client import Client
from kubeloop.resource import Kind, ObjectKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventing_manager.plan import Plan
    from kubeloop.resource import Object

HOME = "kcp-system"
"""Where the lifecycle managers put the Eventing."""


async def plan_command(
    arguments: Sequence[str], environment: Mapping[str, str], *, output: TextIO | None = None
) -> None:
    """Print the plan for the Eventing of a file or of the cluster."""
    given = _parser(environment).parse_args(arguments)
    settings = backend_settings(given)
    wanted = _read(given.file, given.eventing_namespace) if given.file else None
    async with (
        Client.from_environment(user_agent=f"{MANAGER}-plan") as client,
        Monitoring(settings.nats_monitoring_url, settings.nats_server_url) as jetstream,
    ):
        planner = _planner(client, jetstream, settings)
        if wanted is not None:
            plan = await planner.of_wanted(wanted)
        else:
            plan = await planner.of_current(ObjectKey(given.eventing_namespace, given.current))
    for line in as_text(plan):
        print(line, file=output or sys.stdout)


def as_text(plan: Plan) -> list[str]:
    """Return the lines to be printed."""
    lines = [f"{plan.subject}: {_summary(plan)}"]
    for change in plan.changes:
        lines.append(f"  {change.action:<7} {change.subject}")
        lines += [f"            {detail}" for detail in change.details]
    lines += [f"  data    {sentence}" for sentence in plan.data]
    return lines


def _summary(plan: Plan) -> str:
    counts: dict[str, int] = {}
    for change in plan.changes:
        counts[change.action] = counts.get(change.action, 0) + 1
    if not counts:
        return "no object would be created, changed or deleted"
    return ", ".join(f"{count} to {action}" for action, count in counts.items()) + "; nothing is done yet"


def _planner(client: Client, jetstream: Monitoring, settings: BackendSettings) -> Planner:
    installation = Installation(client, NoCopies(), settings.namespace)
    claims = Claims(client, settings.namespace)
    return Planner(
        client,
        renderer=ChartRenderer(
            helm=settings.helm, chart=settings.chart, release=RELEASE, namespace=settings.namespace
        ),
        credentials=CredentialsKeeper(client, installation, settings.namespace),
        installation=installation,
        claims=claims,
        guard=Guard(jetstream, claims, clock=lambda: datetime.now(UTC)),
    )


def _read(file: str, namespace: str) -> Object:
    """Return the one Eventing of a file, ``-`` for standard input."""
    text = sys.stdin.read() if file == "-" else _content(Path(file))
    try:
        documents: list[Any] = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not YAML: {error}") from error
    found = [document for document in documents if _is_eventing(document)]
    if len(found) != 1:
        raise SettingsError(
            f"{file} has {len(found)} Eventings of {EVENTING.api_version}; give it exactly one"
        )
    eventing: Object = found[0]
    eventing["metadata"].setdefault("namespace", namespace)
    return eventing


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _is_eventing(document: Any) -> bool:
    try:
        return Kind.of(document) == EVENTING and bool(document["metadata"]["name"])
    except (KeyError, TypeError, AttributeError):
        return False


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{MANAGER} plan",
        description="Print what the manager would create, change and delete for an Eventing, and what"
        " becomes of its data. Nothing is changed. The cluster is that of $KUBECONFIG.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "-f", "--file", metavar="FILE", help="an Eventing as it might be; - reads it from stdin"
    )
    source.add_argument("--current", metavar="NAME", help="an Eventing as it is in the cluster")
    parser.add_argument(
        "-n",
        "--eventing-namespace",
        default=HOME,
        metavar="NAMESPACE",
        help="namespace of the Eventing (default: %(default)s)",
    )
    add_backend_arguments(parser, environment)
    return parser
