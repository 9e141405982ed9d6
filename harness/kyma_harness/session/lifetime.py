"""Begin and end the use of a cluster that others may use as well: see docs/reference/lifetimes.md."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kyma_harness.clusters.embedded import EmbeddedProvider
from kyma_harness.clusters.errors import MismatchError
from kyma_harness.clusters.factory import provider_to_delete
from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.errors import HarnessError, also
from kyma_harness.host.locks import FileLock
from kyma_harness.kyma.choices import Choice
from kyma_harness.session.fingerprint import differences
from kyma_harness.session.options import Settings
from kyma_harness.session.record import Record
from kyma_harness.session.setup import Testbed, set_up
from kyma_harness.wait.steps import Step

MAKING_SECONDS = 600.0
"""How long one waits for others who make the same cluster, which may include its images."""
LOSING_SECONDS = 5.0
"""How long whoever makes a cluster has to notice that it was taken down meanwhile."""
GOING_SECONDS = 60.0
"""How long one waits for a cluster of the same name to be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How one came by a cluster."""

    found: bool
    """Whether it was there before."""
    changes: list[str] = field(default_factory=list)
    """In what it, or the one that it took the place of, is not what would be made now."""
    is_deployed: bool = False
    """Whether lifecycle managers, bundle and Kyma are in it, as they would be now."""


def making_lock(settings: Settings) -> FileLock:
    """Return the lock of :func:`making`; it lies beside the cluster's folder, which is removed under it."""
    purpose = f"making or leaving cluster {settings.cluster}"
    return FileLock(settings.making / f"{settings.cluster}.lock", purpose=purpose, timeout=MAKING_SECONDS)


@asynccontextmanager
async def making(settings: Settings) -> AsyncIterator[None]:
    """Be the one who makes the cluster, fills it, or leaves it, while the block runs."""
    lock = making_lock(settings)
    await lock.acquire_async()
    try:
        yield
    finally:
        lock.remove()


async def start(testbed: Testbed, on_progress: Callable[[Step], None]) -> Start:
    """Take up the running cluster, or make one; from then on we use it, until :func:`leave`.

    The caller holds the lock of :func:`making`. A cluster that tests have kept is made anew where anything
    about it has changed; any other is refused where something else is asked for than it was made with.
    """
    Layout(testbed.settings.cluster_state).check_free()
    await testbed.users.join(GOING_SECONDS)
    settings, now = testbed.settings, _record(testbed)
    known = testbed.record.now()
    changes = differences(known.fingerprint, now.fingerprint) if known else []
    if known and changes and known.kept and settings.keep:
        await _make_room(testbed, changes)
    elif known:
        known.check(now, settings.cluster)
        if await testbed.provider.attach():
            deployed = known.deployed == testbed.fingerprint
            return Start(found=True, changes=changes, is_deployed=deployed)
        if known.makings:
            raise MismatchError(
                f"cluster {settings.cluster} is not claimed any more, and what was deployed into it is still "
                f"noted: {len(known.makings)} objects",
                remedy="take them away first with `kyma-harness down`",
            )
    testbed.record.write(now)
    try:
        await testbed.provider.create(on_progress)
    except BaseException as error:
        try:
            now.forget(settings)
        except (HarnessError, OSError) as second:
            also(error, str(second))
        raise
    return Start(found=False, changes=changes)


def note_deployed(testbed: Testbed) -> None:
    """Note that lifecycle managers, bundle and Kyma are all there, so that others need not look."""
    if known := testbed.record.now():
        testbed.record.write(replace(known, deployed=dict(testbed.fingerprint)))


async def leave(testbed: Testbed) -> None:
    """Use the cluster no longer; the last one takes it away, unless it is to stay."""
    if not testbed.settings.detached:
        async with making(testbed.settings):
            if testbed.users.leave():
                await testbed.stop()
    testbed.users.release()


async def bring_down(settings: Settings, on_wait: Callable[[str], None] = lambda _: None) -> bool:
    """Take the cluster away, and end a start that is in progress; returns whether there was anything.

    Whoever makes the cluster loses it where it has a supervisor, and else is waited for: ``on_wait`` is told.
    """
    lock, ended = making_lock(settings), False
    if not lock.try_acquire():
        ended = await EmbeddedCluster.end_supervisor(settings.cluster_state)
        if not ended:
            on_wait(f"waiting for {lock.holder() or 'another process'}")
        await _acquire_from_maker(lock, has_lost=ended)
    try:
        return await take_away(settings) or ended
    finally:
        lock.remove()


async def _acquire_from_maker(lock: FileLock, *, has_lost: bool) -> None:
    """Wait for whoever makes the cluster; one that has lost it may wait for it long, and makes nothing."""
    try:
        async with asyncio.timeout(LOSING_SECONDS if has_lost else None):
            await lock.acquire_async()
    except TimeoutError:
        return


async def take_away(settings: Settings) -> bool:
    """Take away the cluster of this name with all that is of it; returns whether there was anything.

    The caller holds the lock of :func:`making`.
    """
    known = Record.read(settings)
    if known is None or known.provider == EmbeddedProvider.name:
        return await EmbeddedCluster.take_down(settings.cluster_state)
    provider = provider_to_delete(
        known.provider,
        cluster=settings.cluster,
        state=settings.cluster_state,
        options=known.provider_options(),
    )
    if provider.disposable:
        await provider.delete()
    else:
        await (await set_up(_as_made(settings, known))).stop()
    return True


def _as_made(settings: Settings, known: Record) -> Settings:
    return replace(
        settings,
        provider=known.provider,
        kyma=Choice(known.kyma),
        keep=False,
        options=ProviderOptions(),
        module=Path(known.module),
    )


def _record(testbed: Testbed) -> Record:
    return Record.of(
        testbed.settings,
        provider=testbed.provider.name,
        kyma=str(testbed.managers.pair),
        fingerprint=testbed.fingerprint,
    )


async def _make_room(testbed: Testbed, changes: list[str]) -> None:
    settings, users = testbed.settings, testbed.users
    users.release()
    if not users.try_alone():
        others = ", ".join(f"process {pid}" for pid in users.users()) or "others"
        raise MismatchError(
            f"the kept cluster {settings.cluster} is in use by {others}, and is not what is asked for: "
            f"{'; '.join(changes)}",
            remedy="wait for them, or leave --harness-keep out",
        )
    await take_away(settings)
    users.release()
    await users.join(GOING_SECONDS)
