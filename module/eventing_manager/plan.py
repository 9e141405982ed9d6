"""Find out what the manager would do for an Eventing, and do none of it.

The steps are those of the same decision: what they lead to is foreseen, and decided upon again, until nothing
is left to do or somebody else has to act.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from eventing_manager.act.credentials import CredentialsKeeper, generated
from eventing_manager.act.install import Installation
from eventing_manager.api.names import (
    EVENTING,
    MANAGER,
    NATS,
    NATS_MONITORING_PORT,
    RELEASE,
    nats_statefulset,
)
from eventing_manager.api.status import ConditionType, Reason
from eventing_manager.api.tenancy import Place, Tenancy
from eventing_manager.app import chart_renderer
from eventing_manager.decide.decide import decide, stand_by
from eventing_manager.decide.foresee import all_received, blocked_by, foresee, goes_on_by_itself
from eventing_manager.decide.steps import Apply, Delete, DeleteClaims, Keep, LetGo, Report
from eventing_manager.differences import differences
from eventing_manager.errors import SettingsError
from eventing_manager.observe.copies import NoCopies
from eventing_manager.observe.jetstream import Monitoring
from eventing_manager.observe.kinds import OPTIONAL_KINDS
from eventing_manager.observe.observed import Observer
from eventing_manager.settings import add_backend_arguments, backend_settings
from kubeloop import goyaml
from kubeloop.client import Client
from kubeloop.errors import ControllerError, ForeignObjectError, KindAbsentError, NotFoundError
from kubeloop.kinds import POD, STATEFUL_SET
from kubeloop.ordering import install_order
from kubeloop.resource import Kind, ObjectKey, annotations_of, describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from eventing_manager.act.chart import Renderer
    from eventing_manager.api.status import Report as StatusReport
    from eventing_manager.decide.steps import Step
    from eventing_manager.observe.jetstream import JetStream
    from eventing_manager.observe.kinds import OptionalKind
    from eventing_manager.observe.observed import Observed
    from eventing_manager.settings import BackendSettings
    from kubeloop.resource import Object

HOME: Final = "kcp-system"
"""Where the lifecycle managers put the Eventing."""

ADDRESSES: Final = "node.kyma-harness.io/addresses"
"""On pods that are processes of this host: the address of each port, as JSON."""

_ROUNDS: Final = 20
"""Decisions in a row; a removal with all its waits takes six."""


class Action(StrEnum):
    """What would be done to an object, or has to be done by somebody else before that."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    REFUSE = "refuse"
    WAIT = "wait"
    """Nothing further is done until somebody acts; what follows is what would be done then."""

    DATA = "data"
    """What becomes of messages and volumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that would happen; ``details`` has a line for each difference."""

    action: Action
    subject: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would happen, in this order."""

    subject: str
    lines: tuple[Line, ...] = ()

    def text(self) -> list[str]:
        """Return the lines to be printed."""
        text = [f"{self.subject}: {self._summary()}"]
        for line in self.lines:
            text.append(f"  {line.action:<7} {line.subject}")
            text += [f"            {detail}" for detail in line.details]
        return text

    def _summary(self) -> str:
        counts: dict[str, int] = {}
        for line in self.lines:
            if line.action not in {Action.WAIT, Action.DATA}:
                counts[line.action] = counts.get(line.action, 0) + 1
        if not counts:
            return "no object would be created, changed or deleted"
        return ", ".join(f"{count} to {action}" for action, count in counts.items()) + "; nothing is done yet"


class Planner:
    """Walk from what is to what an Eventing asks for; every write is a dry run of the API server."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStream,
        settings: BackendSettings,
        *,
        renderer: Renderer | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        generate: Callable[[], str] = generated,
    ) -> None:
        self._client = client
        self._jetstream = jetstream
        self._settings = settings
        self._clock = clock
        copies = NoCopies()
        self._installation = Installation(
            client,
            copies,
            namespace=settings.namespace,
            renderer=renderer or chart_renderer(settings),
            credentials=CredentialsKeeper(client, copies, settings.namespace, generate=generate),
        )

    async def of_current(self, key: ObjectKey) -> Plan:
        """Plan for an Eventing as it is; raise NotFoundError if there is none."""
        return await self._plan(await self._client.get(EVENTING, key.name, key.namespace))

    async def of_wanted(self, wanted: Object) -> Plan:
        """Plan for an Eventing as it might be; raise InvalidError where the API server would not take it."""
        key = ObjectKey.of(wanted)
        try:
            live = await self._client.get(EVENTING, key.name, key.namespace)
        except NotFoundError:
            return await self._plan(await self._client.create(wanted, dry_run=True))
        metadata = {**live["metadata"], **_written(live, wanted)}
        edited = {**live, "metadata": metadata, "spec": wanted.get("spec")}
        return await self._plan(await self._client.update(edited, dry_run=True))

    async def of_deletion(self, key: ObjectKey) -> Plan:
        """Plan for the deletion of an Eventing; raise NotFoundError if there is none."""
        live = await self._client.get(EVENTING, key.name, key.namespace)
        now = self._clock().isoformat()
        return await self._plan({**live, "metadata": {**live["metadata"], "deletionTimestamp": now}})

    async def _plan(self, eventing: Object) -> Plan:
        lines = [line async for line in self._lines(eventing)]
        return Plan(subject=describe(eventing), lines=tuple(dict.fromkeys(lines)))

    async def _lines(self, eventing: Object) -> AsyncIterator[Line]:
        others = (await self._client.list(EVENTING)).items
        key = ObjectKey.of(eventing)
        known = _Known([*(one for one in others if ObjectKey.of(one) != key), eventing])
        namespaces = self._settings.serve_namespaces
        standing = Tenancy(known, namespaces=namespaces).standing(key)
        if standing.place is not Place.SERVED:
            for step in stand_by(eventing, standing, namespaces, has_members=False):
                if isinstance(step, Report):
                    yield Line(action=Action.WAIT, subject=_message(step.report))
            return
        seen = await (await self._observer()).look_live(eventing)
        for _ in range(_ROUNDS):
            steps = decide(seen, self._settings.pod_metadata)
            for step in steps:
                async for line in self._told(step, seen):
                    yield line
            if _is_end(steps):
                break
            seen = _next(seen, steps)
        for claim in seen.claims:
            yield Line(action=Action.DATA, subject=f"{describe(claim)} stays")

    async def _observer(self) -> Observer:
        served = frozenset([kind for kind in OPTIONAL_KINDS if await self._is_served(kind)])
        return Observer(
            self._client,
            self._jetstream,
            NoCopies(),
            namespace=self._settings.namespace,
            kinds=lambda: served,
            clock=self._clock,
        )

    async def _is_served(self, optional: OptionalKind) -> bool:
        try:
            await self._client.served(optional.kind)
        except KindAbsentError:
            return False
        return True

    async def _told(self, step: Step, seen: Observed) -> AsyncIterator[Line]:
        match step:
            case Apply() | Keep():
                draining = isinstance(step, Keep) and step.draining
                objects = await self._installation.objects(step.spec, seen.kinds, draining=draining)
                async for line in self._installed(objects, seen):
                    yield line
            case Delete(members=doomed) | DeleteClaims(claims=doomed):
                for obj in _last_first(doomed):
                    yield _deleted(obj)
            case Report(report=report):
                for line in self._said(report):
                    yield line

    async def _installed(self, objects: Sequence[Object], seen: Observed) -> AsyncIterator[Line]:
        lines = [line for obj in objects if (line := await self._difference(seen.eventing, obj))]
        wanted = {_identity(obj) for obj in objects}
        pruned = [obj for obj in seen.members if _identity(obj) not in wanted]
        for line in (*lines, *map(_deleted, _last_first(pruned)), *_restart(lines, seen)):
            yield line

    async def _difference(self, eventing: Object, obj: Object) -> Line | None:
        try:
            existing, after = await self._installation.preview(eventing, obj)
        except ForeignObjectError as error:
            return Line(action=Action.REFUSE, subject=describe(obj), details=(str(error),))
        if existing is None:
            return Line(action=Action.CREATE, subject=describe(obj))
        found = differences(existing, after)
        return Line(action=Action.CHANGE, subject=describe(obj), details=tuple(found)) if found else None

    def _said(self, report: StatusReport) -> Iterator[Line]:
        """Tell of a report what is not told by the objects: what stays, and what is refused."""
        blocked = blocked_by(report)
        if blocked is not None and not goes_on_by_itself(blocked):
            yield Line(action=Action.WAIT, subject=f"NATS stays for now: {blocked.message}")
        drained = next((found for found in report.conditions if found.type == ConditionType.DRAINED), None)
        if drained is not None and drained.holds and report.conditions[0].reason == Reason.REMOVING:
            yield Line(action=Action.DATA, subject=f"NATS may be removed: {drained.message}")
        reason = report.conditions[0].reason
        if reason == Reason.VOLUMES_UNFIT:
            subject = f"{STATEFUL_SET.kind} {nats_statefulset(self._settings.namespace)}"
            yield Line(action=Action.REFUSE, subject=subject, details=(_message(report),))
        if reason == Reason.SPEC_REFUSED:
            yield Line(action=Action.REFUSE, subject="the Eventing", details=(_message(report),))


class _Known:
    """The Eventings there are, and the one that might be."""

    def __init__(self, eventings: Sequence[Object]) -> None:
        self._eventings = {ObjectKey.of(one): one for one in eventings}

    def get(self, key: ObjectKey) -> Object | None:
        return self._eventings.get(key)

    def all(self) -> list[Object]:
        return list(self._eventings.values())


def _next(seen: Observed, steps: Sequence[Step]) -> Observed:
    after = foresee(seen, steps)
    return all_received(after) if Reason.UNDELIVERED in _reasons(steps) else after


def _is_end(steps: Sequence[Step]) -> bool:
    """Tell whether nothing more is done after some steps, or nobody knows what."""
    if not steps or any(isinstance(step, Apply | LetGo) for step in steps):
        return True
    is_final = any(isinstance(step, Report) and step.is_final for step in steps)
    return is_final or not _reasons(steps) <= {Reason.DRAINING, Reason.UNDELIVERED, Reason.REMOVING}


def _reasons(steps: Sequence[Step]) -> set[str]:
    return {step.report.conditions[0].reason for step in steps if isinstance(step, Report)}


def _message(report: StatusReport) -> str:
    return report.conditions[0].message


def _deleted(obj: Object) -> Line:
    return Line(action=Action.DELETE, subject=describe(obj))


def _last_first(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=install_order, reverse=True)


def _identity(obj: Object) -> tuple[str, ObjectKey]:
    return Kind.of(obj).group_kind, ObjectKey.of(obj)


def _restart(lines: Sequence[Line], seen: Observed) -> Iterator[Line]:
    """Tell of servers that restart, and of what they lose by it."""
    template = "spec.template."
    restarts = any(
        line.action is Action.CHANGE
        and line.subject.startswith(f"{STATEFUL_SET.kind} ")
        and any(detail.startswith(template) for detail in line.details)
        for line in lines
    )
    if not restarts:
        return
    if not seen.wants_nats:
        yield Line(action=Action.DATA, subject="the servers of NATS restart, and take in no more messages")
        return
    loss = "their messages are kept on volumes"
    if not seen.spec.nats.storage.is_volume:
        loss = "their messages are in memory, and lost where no other server has them"
    yield Line(action=Action.DATA, subject=f"the servers of NATS restart one after the other; {loss}")


def _written(live: Object, wanted: Object) -> dict[str, Any]:
    """Return the labels and annotations of an Eventing once a file is applied to it."""
    return {
        field: {**(live["metadata"].get(field) or {}), **(wanted["metadata"].get(field) or {})}
        for field in ("labels", "annotations")
    }


async def plan_command(
    arguments: Sequence[str], environment: Mapping[str, str], *, output: TextIO | None = None
) -> None:
    """Print the plan for the Eventing of a file or of the cluster, or for its deletion."""
    given = _parser(environment).parse_args(arguments)
    settings = backend_settings(given)
    wanted = _read(given.file, given.eventing_namespace) if given.file else None
    async with Client.from_environment(user_agent=f"{MANAGER}-plan") as client:
        addresses = {} if given.nats_monitoring_url else await _addresses(client, settings.namespace)
        service = addresses.get(0, settings.nats_monitoring_url)
        async with Monitoring(service, settings.nats_server_url, addresses) as jetstream:
            planner = Planner(client, jetstream, settings)
            if wanted is not None:
                plan = await planner.of_wanted(wanted)
            elif given.delete:
                plan = await planner.of_deletion(ObjectKey(given.eventing_namespace, given.delete))
            else:
                plan = await planner.of_current(ObjectKey(given.eventing_namespace, given.current))
    for line in plan.text():
        print(line, file=output or sys.stdout)


async def _addresses(client: Client, namespace: str) -> dict[int, str]:
    """Return where each server is asked, by its number, where pods are processes of this host."""
    try:
        pods = await client.list(
            POD, namespace=namespace, label_selector=f"app.kubernetes.io/instance={RELEASE}"
        )
    except ControllerError:
        return {}  # they are found by name, then, or not at all
    found: dict[int, str] = {}
    for pod in pods.items:
        name, _, ordinal = ObjectKey.of(pod).name.rpartition("-")
        address = _address(annotations_of(pod).get(ADDRESSES, ""))
        if name == NATS and ordinal.isdecimal() and address:
            found[int(ordinal)] = f"http://{address}"
    return found


def _address(written: str) -> str:
    try:
        address = json.loads(written)[str(NATS_MONITORING_PORT)]
    except (ValueError, KeyError, TypeError):
        return ""
    return address if isinstance(address, str) else ""


def _read(file: str, namespace: str) -> Object:
    """Return the one Eventing of a file, ``-`` for standard input."""
    text = sys.stdin.read() if file == "-" else _content(Path(file))
    try:
        documents: list[Any] = [document for document in goyaml.load_all(text) if document]
    except goyaml.YAMLError as error:
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
    source.add_argument("--delete", metavar="NAME", help="the deletion of an Eventing of the cluster")
    parser.add_argument(
        "-n",
        "--eventing-namespace",
        default=HOME,
        metavar="NAMESPACE",
        help="namespace of the Eventing (default: %(default)s)",
    )
    add_backend_arguments(parser, environment)
    return parser
