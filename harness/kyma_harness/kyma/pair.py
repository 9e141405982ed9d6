"""Find the lifecycle managers to deploy: the real ones of December 2022, or the built-in pair."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.errors import DistributionError

PACKAGE = Path(__file__).parent
NATS_RULES = PACKAGE / "rules" / "nats.yaml"
BUILTIN_MANIFESTS = PACKAGE / "manifests"
BINARIES = ("lifecycle-manager", "module-manager")
MANIFESTS = ("lifecycle-manager.yaml", "module-manager.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What a pair gets wrong, so that whoever works with it has to wait."""

    ends_a_removal_early: bool
    """Whether it takes the good answer of an installation under way for the end of the removal."""
    counts_leaving_definitions: bool
    """Whether it takes definitions that are being deleted for there, and never makes them again."""


ORIGINAL = Quirks(ends_a_removal_early=True, counts_leaving_definitions=True)
NO_QUIRKS = Quirks(ends_a_removal_early=False, counts_leaving_definitions=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleManagers:
    """A pair of managers that can be deployed, and why it is this one."""

    pair: Choice
    """Never ``auto``."""
    reason: str
    objects: Sequence[Object]
    rules: Sequence[Path]
    placeholders: Mapping[str, str] = field(default_factory=dict)

    @property
    def quirks(self) -> Quirks:
        """What this pair gets wrong."""
        return NO_QUIRKS if self.pair is Choice.BUILTIN else ORIGINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder with both binaries, executable, and both manifests, and where it came from."""

    path: Path
    origin: str


Source = Callable[[], Awaitable[Folder]]
"""A way to the real pair; raises :class:`DistributionError` with the reason where it does not lead there."""


async def find(choice: Choice, sources: Sequence[Source]) -> LifecycleManagers:
    """Return the first real pair that a source has, else the built-in one, unless the choice forbids it."""
    if choice is Choice.BUILTIN:
        return await builtin_pair("asked for")
    failures = []
    for source in sources:
        try:
            return await real_pair(await source())
        except DistributionError as error:
            failures.append(str(error))
    reasons = "; ".join(failures) or "there is no source for them"
    if choice is Choice.REAL:
        raise DistributionError(
            f"the real lifecycle managers are not to be had: {reasons}. Name a folder that has them with "
            "--kyma-dist or $KYMA_DIST, or take the built-in pair with --kyma=builtin"
        )
    return await builtin_pair(f"the real ones are not to be had: {reasons}")


async def real_pair(folder: Folder) -> LifecycleManagers:
    """Deploy what lies in a folder."""
    objects = await asyncio.to_thread(_read, [folder.path / name for name in MANIFESTS])
    return LifecycleManagers(
        pair=Choice.REAL,
        reason=folder.origin,
        objects=objects,
        rules=(PACKAGE / "rules" / "real.yaml", NATS_RULES),
        placeholders={"kyma": str(folder.path)},
    )


async def builtin_pair(reason: str) -> LifecycleManagers:
    """Deploy the pair that comes with the harness."""
    objects = await asyncio.to_thread(_read, sorted(BUILTIN_MANIFESTS.glob("*.yaml")))
    return LifecycleManagers(
        pair=Choice.BUILTIN,
        reason=reason,
        objects=objects,
        rules=(PACKAGE / "rules" / "builtin.yaml", NATS_RULES),
    )


def _read(paths: Sequence[Path]) -> list[Object]:
    """Return the objects of some manifests; of what several have, such as the namespace, the last counts."""
    found = [item for path in paths for item in parse_objects(path.read_text(encoding="utf-8"), str(path))]
    return list({(Kind.of(item), ObjectKey.of(item)): item for item in found}.values())
