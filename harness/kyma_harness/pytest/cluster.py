"""Make the cluster of a session, and what tests hold of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kyma_harness.clusters.provider import Capability, Progress, Provider
from kyma_harness.host.blocking import Portal
from kyma_harness.host.errors import HarnessError
from kyma_harness.host.paths import explained
from kyma_harness.kyma import deploy
from kyma_harness.pytest.asked import settings_of
from kyma_harness.pytest.handles.kyma import KymaHandle
from kyma_harness.pytest.notes import note
from kyma_harness.pytest.stash import STEPS
from kyma_harness.session import lifetime
from kyma_harness.session.settings import Settings
from kyma_harness.session.setup import Testbed, set_up
from kyma_harness.wait.steps import StepLog
from kyma_harness.wait.waits import WaitError


def asked_settings(config: pytest.Config) -> Settings:
    """Return what the session was asked for."""
    with _failing_in_a_sentence():
        return settings_of(config)


def a_testbed(
    settings: Settings, portal: Portal, salvage: Callable[[Testbed], None], config: pytest.Config
) -> Iterator[Testbed]:
    """Run a cluster with the lifecycle managers, the bundled module and an empty Kyma."""
    with _failing_in_a_sentence():
        prepared = portal.call(set_up(settings))
    note(config, f"cluster: {prepared.provider.name} ({prepared.chosen.reason})")
    note(config, f"lifecycle managers: {prepared.managers.pair} ({prepared.managers.reason})")
    try:
        with _failing_in_a_sentence():
            try:
                for line in portal.call(_start(prepared, config.stash[STEPS])):
                    note(config, line)
            except Exception:
                salvage(prepared)
                raise
        yield prepared
    except BaseException:
        try:
            portal.call(lifetime.leave(prepared))
        except (HarnessError, ControllerError, WaitError, OSError) as second:
            note(config, f"the cluster could not be left: {second}")
        raise
    portal.call(lifetime.leave(prepared))


def a_client(testbed: Testbed, portal: Portal) -> Iterator[Client]:
    """Connect as the administrator."""
    opened = testbed.client()
    yield portal.call(opened.__aenter__())
    portal.call(opened.__aexit__(None, None, None))


class Freeing:
    """Free the Kyma for each test of a session.

    Once it cannot be freed, the tests after that only look whether it is free by now: else each of them would
    wait as long. ``within`` is in seconds, for each wait, as is ``glance`` for a look.
    """

    def __init__(self, *, within: float = 120.0, glance: float = 3.0) -> None:
        self._within = within
        self._glance = glance
        self._failed = ""

    def free(self, handle: KymaHandle, test: str) -> None:
        """Remove all modules and wait until the Kyma is Ready without any."""
        within = self._glance if self._failed else self._within
        try:
            handle.clear(within=within)
            handle.expect().to_have_state("Ready", within=within)
        except WaitError as error:
            if self._failed:
                raise pytest.fail.Exception(self._failed, pytrace=False) from None
            first = str(error).partition("\n")[0]
            self._failed = f"the Kyma is not free since {test}: {first}"
            raise
        self._failed = ""


def a_kyma(handle: KymaHandle, freeing: Freeing, test: str) -> Iterator[KymaHandle]:
    """Give the default Kyma, Ready and without modules; whatever a test adds is removed again."""
    freeing.free(handle, test)
    yield handle
    freeing.free(handle, test)


def is_of_capabilities(wanted: set[object]) -> bool:
    """Tell whether all that a marker names are capabilities of providers."""
    return wanted <= set(Capability)


def check_needs(wanted: set[object], provider: Callable[[], Provider]) -> None:
    """Skip a test that needs what the provider lacks, and fail one that needs what no provider ever has."""
    if unknown := wanted - set(Capability):
        said = f"no provider ever has {', '.join(sorted(map(str, unknown)))}"
        pytest.fail(f"needs: {said}, known are {', '.join(Capability)}", pytrace=False)
    here = provider()
    if missing := wanted - set(here.capabilities):
        pytest.skip(f"provider {here.name} has no {', '.join(sorted(map(str, missing)))}")


@contextmanager
def _failing_in_a_sentence() -> Iterator[None]:
    """Show what the set-up has to say, without our own stack above it, and once."""
    try:
        yield
    except (HarnessError, WaitError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    except OSError as error:
        if not (failure := explained(error)):
            raise
        raise pytest.fail.Exception(str(failure), pytrace=False) from None


async def _start(testbed: Testbed, steps: StepLog) -> list[str]:
    """Make the cluster and all that tests find in it, or take it up; returns what is worth telling of it."""

    def report(progress: Progress) -> None:
        if progress.state != "started" and progress.part != "cluster":
            began, well = time.time() - progress.seconds, progress.state == "ready"
            steps.past(f"start of {progress.part}", began, ok=well, is_part=True)

    async with lifetime.making(testbed.settings):
        with steps.step("cluster"):
            started = await lifetime.start(testbed, report)
        if not started.is_deployed:
            await _deploy(testbed, steps)
            lifetime.note_deployed(testbed)
    if not testbed.settings.detached:
        return []
    how = "taken up" if started.found else "made anew" if started.changes else "made"
    return [f"cluster {testbed.settings.cluster}: {how}", *(f"  {change}" for change in started.changes)]


async def _deploy(testbed: Testbed, steps: StepLog) -> None:
    with steps.step("bundle"):
        await testbed.bundle()
    async with testbed.client() as client:
        with steps.step("lifecycle managers"):
            await testbed.deploy_managers(client)
            await deploy.grant_rights(client)
        with steps.step("Kyma"):
            await testbed.deploy_kyma(client)
