"""The pytest plugin: options, and the fixtures that scenarios are written with."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kubeloop.client import Client
from kyma_harness import lifetime
from kyma_harness.asking import QUESTIONS
from kyma_harness.blocking import Portal
from kyma_harness.clusters.provider import Capability, Progress
from kyma_harness.fixtures.asked import settings_of
from kyma_harness.fixtures.notes import note
from kyma_harness.fixtures.stash import STEPS
from kyma_harness.host.errors import HarnessError
from kyma_harness.kyma import deploy
from kyma_harness.kyma.distribution.pair import Choice
from kyma_harness.observe.observer import Observer
from kyma_harness.observe.steps import StepLog
from kyma_harness.observe.waits import WaitError
from kyma_harness.settings import Settings
from kyma_harness.testbed import Testbed, set_up
from kyma_harness.testing.api import Api
from kyma_harness.testing.handle import KymaHandle, Reach, reach_through

pytest_plugins = (
    "kyma_harness.fixtures.asked",
    "kyma_harness.fixtures.notes",
    "kyma_harness.fixtures.turns",
    "kyma_harness.fixtures.namespaces",
    "kyma_harness.fixtures.observing",
    "kyma_harness.fixtures.evidence",
    "kyma_harness.fixtures.report",
    "kyma_harness.fixtures.faults",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; pytest-kind owns its unprefixed ones."""
    group = parser.getgroup("kyma-harness", "modules against Kyma's lifecycle managers")
    group.addoption(
        "--kyma",
        choices=[str(choice) for choice in Choice],
        default="auto",
        help="which pair of lifecycle managers runs",
    )
    group.addoption("--kyma-dist", type=Path, help="a folder with the real lifecycle managers [$KYMA_DIST]")
    group.addoption("--harness-tools", type=Path, help="a folder with every tool [$HARNESS_TOOLS]")
    group.addoption("--harness-module", type=Path, help="the module.yaml of the module under test")
    for one in QUESTIONS:
        group.addoption(
            f"--harness-{one.option}", choices=one.choices or None, help=f"{one.help} [${one.variable}]"
        )
        parser.addini(f"harness_{one.name}", one.help, default="")
    group.addoption("--harness-cluster", help="take up, and leave running, the cluster of this name")
    group.addoption(
        "--harness-keep",
        action="store_true",
        help="keep the session's cluster for the next run with this option, if it fits then",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that it is known under --strict-markers."""
    config.addinivalue_line("markers", "needs(capability): skip where the provider lacks the capability")


@pytest.fixture(scope="session")
def harness_settings(pytestconfig: pytest.Config) -> Settings:
    """Say what this session was asked for."""
    with _failing_in_a_sentence():
        return settings_of(pytestconfig)


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """Run one event loop for everything asynchronous of the session."""
    with Portal() as opened:
        yield opened


@pytest.fixture(scope="session")
def testbed(
    harness_settings: Settings,
    portal: Portal,
    salvage: Callable[[Testbed], None],
    pytestconfig: pytest.Config,
) -> Iterator[Testbed]:
    """Run a cluster with the lifecycle managers, the bundled module and an empty Kyma."""
    with _failing_in_a_sentence():
        prepared = portal.call(set_up(harness_settings))
    note(pytestconfig, f"cluster: {prepared.provider.name} ({prepared.chosen.reason})")
    note(pytestconfig, f"lifecycle managers: {prepared.managers.pair} ({prepared.managers.reason})")
    try:
        with _failing_in_a_sentence():
            try:
                for line in portal.call(_start(prepared, pytestconfig.stash[STEPS])):
                    note(pytestconfig, line)
            except Exception:
                salvage(prepared)
                raise
        yield prepared
    finally:
        portal.call(lifetime.leave(prepared))


@contextmanager
def _failing_in_a_sentence() -> Iterator[None]:
    """Show what the set-up has to say, without our own stack above it, and once."""
    try:
        yield
    except (HarnessError, WaitError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


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


@pytest.fixture(scope="session")
def client(testbed: Testbed, portal: Portal) -> Iterator[Client]:
    """Connect as the administrator, asynchronously; tests use ``api``."""
    opened = testbed.client()
    yield portal.call(opened.__aenter__())
    portal.call(opened.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def api(client: Client, portal: Portal, observer: Observer) -> Api:
    """Show the cluster's API as its administrator sees it."""
    return Api(portal, client, observer)


@pytest.fixture(scope="session")
def reach(testbed: Testbed, portal: Portal) -> Reach:
    """Give a way to a Service's port from this host."""
    return reach_through(portal, testbed.provider)


@pytest.fixture
def kyma(api: Api, client: Client, portal: Portal) -> Iterator[KymaHandle]:
    """Give the default Kyma, Ready and without modules; whatever a test adds is removed again."""
    handle = KymaHandle(api=api, portal=portal, client=client)
    handle.clear()
    handle.expect().to_have_state("Ready")
    yield handle
    handle.clear()


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    wanted = {name for mark in request.node.iter_markers("needs") for name in mark.args}
    if not wanted:
        return
    if unknown := wanted - set(Capability):
        said = f"no provider ever has {', '.join(sorted(unknown))}, known are {', '.join(Capability)}"
        pytest.fail(f"needs: {said}", pytrace=False)
    provider = request.getfixturevalue("testbed").provider
    missing = wanted - set(provider.capabilities)
    if missing:
        pytest.skip(f"provider {provider.name} has no {', '.join(sorted(missing))}")
