"""Who owns which cluster of this user: told by locks that the kernel lets go of when their holder ends."""

import enum
from dataclasses import dataclass, replace

from kyma_harness.clusters.embedded import EmbeddedProvider
from kyma_harness.clusters.errors import RecordError
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.errors import PlaceError
from kyma_harness.session.lifetime import making_lock
from kyma_harness.session.record import Record
from kyma_harness.session.settings import NAME, Settings

UNKNOWN_PROVIDER = "unknown"


class Condition(enum.StrEnum):
    """How it is with a cluster."""

    RUNS = "runs"
    STARTS = "starts"
    """Somebody makes it, or takes it away, at this moment."""
    STAYS = "stays"
    """It is to stay when nobody uses it, and lives outside this host's processes: it may run or not."""
    UNKNOWN = "unknown"
    """Nobody uses it, and what it was made for cannot be read, so that it is left alone."""
    LEFT = "left"
    """Nobody owns it: those who did are dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One cluster's folder, and who owns it."""

    name: str
    condition: Condition
    provider: str
    users: list[int]
    """The processes that use it now."""


def census(settings: Settings) -> list[Found]:
    """Return every cluster that there is anything of, by name; what has no cluster's name is none of ours."""
    root = settings.state / "clusters"
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
    return [look_at(replace(settings, cluster=name)) for name in folders if NAME.fullmatch(name)]


def look_at(settings: Settings) -> Found:
    """Tell how it is with the cluster of this name."""
    layout, (provider, unused) = Layout(settings.cluster_state), _recorded(settings)
    users = layout.users()
    return Found(
        name=settings.cluster,
        condition=_condition(settings, layout, is_used=users.is_used()) or unused,
        provider=provider,
        users=users.users(),
    )


def _recorded(settings: Settings) -> tuple[str, Condition]:
    """Return the provider, and how it is with the cluster when nobody uses it."""
    try:
        record = Record.read(settings)
    except (RecordError, PlaceError):
        return UNKNOWN_PROVIDER, Condition.UNKNOWN
    if record is None or record.provider == EmbeddedProvider.name:
        return EmbeddedProvider.name, Condition.LEFT
    return record.provider, Condition.STAYS if record.detached else Condition.LEFT


def _condition(settings: Settings, layout: Layout, *, is_used: bool) -> Condition | None:
    if making_lock(settings).holder():
        return Condition.STARTS
    if layout.supervisor_lock().holder():
        return Condition.RUNS if layout.record.exists() else Condition.STARTS
    return Condition.RUNS if is_used else None
