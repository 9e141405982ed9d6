"""Decide what has to be there for NATS, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eventing_manager.api import reports
from eventing_manager.api.names import NATS
from eventing_manager.api.spec import is_noted, provisioned_spec, settings_to_note
from eventing_manager.api.status import Reason, State, active_backend
from eventing_manager.decide.steps import Apply, Keep, LookAgain, Note, Report, patience
from eventing_manager.decide.volumes import misfit
from eventing_manager.observe.copies import unready_reason
from eventing_manager.observe.kinds import kinds_found
from kubeloop.errors import QuantityError
from kubeloop.kinds import STATEFUL_SET
from kubeloop.quantity import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eventing_manager.api.spec import NatsSettings
    from eventing_manager.decide.steps import Step
    from eventing_manager.observe.observed import Installed, Observed

SMALLEST: Final = whole("1Mi")
LARGEST: Final = whole("100Ti")


OWN: Final = (
    "app.kubernetes.io/",
    "applyset.kubernetes.io/",
    "eventing-manager.kyma-project.io/",
    "checksum/",
    "sidecar.istio.io/",
)
"""Prefixes of keys that the chart itself sets."""

LABELS: Final = ("kyma-project.io/", "team", "owner", "cost-center", "environment")
"""What labels may be by default: below the domain, or that very key."""

ANNOTATIONS: Final = ("kyma-project.io/", "prometheus.io/", "backup.velero.io/")
"""What annotations with a prefix may be by default; those without one are notes, and always may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedMetadata:
    """The keys that users may put on the pods of NATS.

    ``example.com/`` stands for all below a domain and its subdomains.
    """

    labels: tuple[str, ...] = LABELS
    annotations: tuple[str, ...] = ANNOTATIONS

    def refusals(self, labels: Iterable[str], annotations: Iterable[str]) -> Iterator[str]:
        """Yield a sentence for each key that may not be."""
        for key in labels:
            if not is_allowed(key, self.labels):
                yield _refusal("labels", key, self.labels, "--pod-labels")
        for key in annotations:
            if "/" in key and not is_allowed(key, self.annotations):
                yield _refusal("annotations", key, self.annotations, "--pod-annotations")


def is_allowed(key: str, entries: Iterable[str]) -> bool:
    """Tell whether a key is one of some entries or below one of them, and not the chart's own."""
    return not key.startswith(OWN) and any(_is_below(key, entry) for entry in entries)


def _is_below(key: str, entry: str) -> bool:
    domain, slash, _ = key.partition("/")
    if not entry.endswith("/"):
        return key == entry
    return bool(slash) and (f"{domain}/" == entry or domain.endswith(f".{entry.removesuffix('/')}"))


def _refusal(field: str, key: str, entries: Iterable[str], argument: str) -> str:
    return (
        f"spec.backend.nats.{field}: {key} may not be put on the pods of NATS; allowed are"
        f" {', '.join(entries)}; the manager's argument {argument} allows others"
    )


def provide(seen: Observed, allowed: AllowedMetadata) -> tuple[Step, ...]:
    """Return the steps by which NATS comes to be as the Eventing asks for it."""
    refusal = refused(seen.spec.nats, allowed)
    if refusal is not None:
        return _stay(seen, Reason.SPEC_REFUSED, refusal)
    if seen.installed is not None:
        return _tell(seen, seen.installed)
    hindrance = misfit(seen)
    if hindrance is not None:
        return _stay(seen, Reason.VOLUMES_UNFIT, hindrance)
    settings = settings_to_note(seen.eventing)
    # Servers that run keep the note of what they run by until the API server has accepted another: one that
    # it refuses could not keep them alive until they are drained.
    may_note = is_noted(seen.eventing, settings) or seen.statefulset is None
    note = Note(settings=settings if may_note else None)
    return (note, Apply(spec=seen.spec))


def _tell(seen: Observed, installed: Installed) -> tuple[Step, ...]:
    """Note what the API server has accepted, and report how far it is."""
    note = Note(settings=settings_to_note(seen.eventing))
    active, dependencies = active_backend(seen.eventing), kinds_found(seen.kinds)
    again = () if installed.is_complete else (LookAgain(seconds=patience(seen.eventing, seen.now)),)
    waiting_for = _waiting_for(installed)
    if waiting_for is not None:
        report = reports.not_ready(active, Reason.NOT_READY, waiting_for, dependencies)
        return (note, Report(report=report), *again)
    if installed.silence is not None:
        why = installed.silence.why
        report = reports.not_ready(active, Reason.JETSTREAM_SILENT, why, dependencies)
        return (note, Report(report=report), LookAgain(seconds=patience(seen.eventing, seen.now)))
    return (note, Report(report=reports.nats_ready(dependencies)), *again)


def _waiting_for(installed: Installed) -> str | None:
    if installed.statefulset is None:
        return f"{STATEFUL_SET.kind} {NATS} is not in the chart"
    return unready_reason(installed.statefulset)


def _stay(seen: Observed, reason: Reason, hindrance: str) -> tuple[Step, ...]:
    """Report what cannot be done; a NATS that is there works on, as it was provisioned."""
    provisioned = provisioned_spec(seen.eventing)
    is_there = seen.statefulset is not None and provisioned is not None
    keep = (Keep(spec=provisioned, draining=False),) if is_there and provisioned is not None else ()
    report = reports.failed(seen.eventing, State.WARNING, reason, hindrance)
    # What is noted stays true of the servers and of the volumes.
    return (Note(), *keep, Report(report=report))


def refused(nats: NatsSettings, allowed: AllowedMetadata) -> str | None:
    """Return why the manager does not take settings, None where it does.

    The API server refuses most of it. It may have taken an Eventing before its definition said so.
    """
    return next(_refusals(nats, allowed), None)


def _refusals(nats: NatsSettings, allowed: AllowedMetadata) -> Iterator[str]:
    yield from _of_size(nats.storage.size)
    yield from allowed.refusals(nats.labels, nats.annotations)


def _of_size(size: str) -> Iterator[str]:
    what = "spec.backend.nats.storage.size"
    try:
        found = whole(size)
    except QuantityError as error:
        yield f"{what}: {error}"
        return
    if not SMALLEST <= found <= LARGEST:
        yield f"{what} must lie between 1Mi and 100Ti, not {size[:80]}"
