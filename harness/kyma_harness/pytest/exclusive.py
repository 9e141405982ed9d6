"""Let tests of one cluster run side by side, except where they would disturb one another.

There is one Kyma in a cluster and one place for its module, so tests with the fixture ``kyma`` take turns. A
fault hits the whole cluster, so a test with ``faults`` has it alone. All others run side by side. The waiting
is over before the test begins: it counts neither to its time nor to what is watched on its behalf. Who waits
says for whom, and gives up in the end.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from kyma_harness.host.errors import HarnessError, LockHeldError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import explained
from kyma_harness.host.sharing import Share
from kyma_harness.pytest.asked import settings_of
from kyma_harness.pytest.hooks import HAD, TURN, Wanted
from kyma_harness.pytest.notes import note

NOTICE_SECONDS = 5.0
"""How long one waits behind the same tests before that is said."""
LIMIT_SECONDS = 1800.0
"""How long one waits behind the same tests, longer than any test should take."""
_RETRY_SECONDS = 0.1


class Turns:
    """The turns of one cluster's tests, in whichever process they run.

    Who has waited behind the same tests for ``notice`` seconds says so. Waiting ends with a LockHeldError
    when they have been in the way for ``limit`` seconds.
    """

    def __init__(
        self,
        folder: Path,
        cluster: str,
        *,
        say: Callable[[str], None] = lambda _: None,
        notice: float = NOTICE_SECONDS,
        limit: float = LIMIT_SECONDS,
    ) -> None:
        self._folder = folder
        self._cluster = cluster
        self._say = say
        self._notice = notice
        self._limit = limit

    @contextmanager
    def with_kyma(self, test: str) -> Iterator[None]:
        """Wait until no other test has the Kyma, and have it while the block runs."""
        lock = FileLock(self._folder / f"{self._cluster}.kyma", purpose=test)
        self._wait(lock.try_acquire, "for the Kyma", lambda: str(lock.holder() or ""))
        try:
            yield
        finally:
            lock.remove()

    @contextmanager
    def beside_others(self, test: str, *, alone: bool = False) -> Iterator[None]:
        """Wait until no test is alone with the cluster, or until we are, and so it stays in the block.

        All come in by one door, one at a time. Who is to be alone stands in it from when it waits until it is
        done, so that nobody overtakes it.
        """
        door = FileLock(self._folder / f"{self._cluster}.door", purpose=test)
        share = Share(self._folder / f"{self._cluster}.tests")
        with ExitStack() as inside:
            inside.callback(share.remove)
            with ExitStack() as entering:
                self._wait(door.try_acquire, "to come in", lambda: str(door.holder() or ""))
                entering.callback(door.remove)
                enter = share.try_alone if alone else share.try_join
                self._wait(enter, "to be alone" if alone else "to come in", lambda: _named(share.users()))
                if alone:
                    inside.push(entering.pop_all())
            yield

    def _wait(self, attempt: Callable[[], bool], what: str, holder: Callable[[], str]) -> None:
        blocker, since, told = "", time.monotonic(), False
        while not attempt():
            if (seen := holder()) and seen != blocker:
                blocker, since, told = seen, time.monotonic(), False
            waited = time.monotonic() - since
            if waited >= self._notice and not told:
                self._say(f"waiting {what} in cluster {self._cluster}, behind {blocker or 'somebody'}")
                told = True
            if waited >= self._limit:
                raise LockHeldError(
                    f"the turn of this test has not come: it waits {what} in cluster {self._cluster}, which "
                    f"{blocker or 'somebody'} has kept it from for {waited / 60:.0f} min: end that process, "
                    "or use another cluster"
                )
            time.sleep(_RETRY_SECONDS)  # flock cannot be interrupted by Ctrl-C otherwise


def take_turn(item: pytest.Item, wanted: Wanted, turns: Turns | None = None) -> str:
    """Wait for a test's turn, which lasts until the test is over; returns why it has not come, if so.

    A test that asks for more while it runs gives back what it has: who waits for one thing while it has
    another may wait for those who wait for it.
    """
    had, turn = item.stash.get(HAD, Wanted()), item.stash[TURN]
    both = Wanted(*(one or other for one, other in zip(had, wanted, strict=True)))
    if both == had:
        return ""
    turn.close()
    item.stash[HAD] = Wanted()
    try:
        if turns := turns or _turns(item.config):
            if both.kyma:
                turn.enter_context(turns.with_kyma(item.nodeid))
            turn.enter_context(turns.beside_others(item.nodeid, alone=both.alone))
    except (LockHeldError, OSError) as error:
        turn.close()
        return str((explained(error) if isinstance(error, OSError) else None) or error)
    item.stash[HAD] = both
    return ""


def require_turn(item: pytest.Item, *, kyma: bool = False, alone: bool = False) -> None:
    """Take the turn of a test that has named a fixture while it runs, in a way that nobody could foresee."""
    if missed := take_turn(item, Wanted(cluster=True, kyma=kyma, alone=alone)):
        pytest.fail(missed, pytrace=False)


def _turns(config: pytest.Config) -> Turns | None:
    try:
        settings = settings_of(config)
    except HarnessError:  # the fixture says why, and there will be no cluster
        return None
    # Workers of one session wait for one another all the time, and nobody would hear them.
    say = (lambda _: None) if hasattr(config, "workerinput") else partial(note, config)
    return Turns(settings.state / "turns", settings.cluster, say=say)


def _named(users: list[int]) -> str:
    return f"tests of process {', '.join(map(str, users))}" if users else ""
