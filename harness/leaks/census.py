"""Who owns which cluster of this user: told by locks that the kernel lets go of when their holder ends."""

import enum
from dataclasses import dataclass, replace

from harness.clusters.embedded import EmbeddedProvider
from harness.embedded.layout import Layout
from harness.lifetime import making_lock
from harness.record import Record
from harness.settings import NAME, Settings


class Condition(enum.StrEnum):
    """How it is with a cluster."""

    RUNS = "runs"
    STARTS = "starts"
    """Somebody makes it, or takes it away, at this moment."""
    STAYS = "stays"
    """It is to stay when nobody uses it, and lives outside this host's processes: it may run or not."""
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
    layout, record = Layout(settings.cluster_state), Record.read(settings)
    users = layout.users()
    return Found(
        name=settings.cluster,
        condition=_condition(settings, layout, record, is_used=users.is_used()),
        provider=record.provider if record else EmbeddedProvider.name,
        users=users.users(),
    )


def _condition(settings: Settings, layout: Layout, record: Record | None, *, is_used: bool) -> Condition:
    is_embedded = record is None or record.provider == EmbeddedProvider.name
    if making_lock(settings).holder():
        return Condition.STARTS
    if is_embedded and layout.supervisor_lock().holder():
        return Condition.RUNS if layout.record.exists() else Condition.STARTS
    if is_used:
        return Condition.RUNS
    if record and record.detached and not is_embedded:
        return Condition.STAYS
    return Condition.LEFT
