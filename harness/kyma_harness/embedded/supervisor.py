"""Own every process of one cluster: start them, tell how far it is, stop them in order.

Run as `python -m kyma_harness.embedded.supervisor`. While the cluster starts, standard output carries one
JSON object a line (see `announcements`), the last of which is about the step `cluster`; then it is
closed.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

from kubeloop.logs import configure_logging, get_logger
from kyma_harness.embedded.announcements import line_of
from kyma_harness.embedded.errors import ClusterRunningError
from kyma_harness.embedded.layout import ENTRIES, PURPOSE, Layout
from kyma_harness.embedded.running import RunningCluster
from kyma_harness.embedded.settings import SupervisorSettings
from kyma_harness.host.descendants import MARKER, end_marked
from kyma_harness.host.errors import ForeignFolderError, HarnessError, LockHeldError
from kyma_harness.host.guard import stand_guard
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import explained
from kyma_harness.host.sharing import Share
from kyma_harness.wait.steps import Step

# Longer than a glance of others at the lock, shorter than anybody's patience.
_LOCK_SECONDS = 1.0

log = get_logger(__name__)


def main() -> int:
    """Run the cluster the command line asks for, and return the exit code."""
    settings = SupervisorSettings.from_argv()
    try:
        Layout(settings.state).check_free()  # before there is anything of ours in it
        lock = _hold(settings)
        try:
            return _run(settings)
        finally:
            lock.release()
    except ClusterRunningError as error:
        _announce(Step(name="lock").over(ok=False, note=str(error)))
        return 1
    except ForeignFolderError as error:
        _announce(Step(name="folder").over(ok=False, note=str(error)))
        return 1


def _hold(settings: SupervisorSettings) -> FileLock:
    lock = Layout(settings.state).supervisor_lock(f"{PURPOSE} {settings.name}", timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except LockHeldError:
        raise ClusterRunningError(
            f"cluster {settings.name} runs already: {settings.state} is held by {lock.holder()}."
            " Stop it first, or choose another name"
        ) from None
    return lock


def _run(settings: SupervisorSettings) -> int:
    layout, mark = Layout(settings.state), str(settings.state)
    end_marked(mark)  # what a supervisor that was killed has left behind, if anything
    layout.clear()
    layout.create()
    # Set late, so that this process does not carry the mark that its descendants are ended by.
    os.environ[MARKER] = mark
    _log_to(layout)
    cluster = RunningCluster(settings, layout, _announce)
    try:
        asyncio.run(_supervise(cluster, settings, mark))
    except Exception as error:  # whatever it is, whoever started us must be told
        log.exception("cluster failed", cluster=settings.name)
        if cluster.was_ready:
            return 1  # the folder stays: its logs say what happened
        _announce(Step(name="cluster").over(ok=False, note=_reason(error)))
        _remove(settings, layout)
        return 1
    _remove(settings, layout)
    return 0


async def _supervise(cluster: RunningCluster, settings: SupervisorSettings, mark: str) -> None:
    layout = Layout(settings.state)
    stop = _stop_request(None if settings.detached else layout.users())
    tidy = None if settings.detached else layout.root
    guard = await stand_guard(mark, layout.log("guard"), tidy=tidy, names=ENTRIES)
    try:
        await cluster.run(stop, _close_output)
    finally:
        await guard.close()


def _stop_request(users: Share | None) -> asyncio.Event:
    requested, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, requested.set)
    if users is not None:

        def watch() -> None:
            users.wait_until_unused()
            with suppress(RuntimeError):  # we stop already, for another reason
                loop.call_soon_threadsafe(requested.set)

        # A daemon: nothing wakes a thread from waiting for a lock, and we must be able to end.
        threading.Thread(target=watch, name="users", daemon=True).start()
    return requested


def _announce(step: Step) -> None:
    log.info("step", name=step.name, state=step.state, seconds=round(step.seconds, 3), note=step.note)
    with suppress(BrokenPipeError):  # whoever started us may have gone
        print(line_of(step), flush=True)  # noqa: T201 - what standard output is for


def _log_to(layout: Layout) -> None:
    file = os.open(layout.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, sys.stderr.fileno())
    os.close(file)
    configure_logging()


def _close_output() -> None:
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _remove(settings: SupervisorSettings, layout: Layout) -> None:
    if not settings.keep_state:
        layout.remove()


def _reason(failure: BaseException) -> str:
    leaves = list(_leaves(failure))
    known: list[HarnessError] = [error for error in leaves if isinstance(error, HarnessError)]
    known += [said for error in leaves if isinstance(error, OSError) and (said := explained(error))]
    return str(known[0]) if known else "; ".join(f"{type(error).__name__}: {error}" for error in leaves)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


if __name__ == "__main__":
    sys.exit(main())
