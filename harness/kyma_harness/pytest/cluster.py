"""Make the cluster of a session, and what tests hold of it."""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.kinds import NAMESPACE
from kyma_harness.clusters.provider import Capability, Provider
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.faults.kit import FaultKit
from kyma_harness.host.blocking import Portal
from kyma_harness.host.errors import HarnessError
from kyma_harness.host.paths import explained
from kyma_harness.kube.inventory import TEST_LABEL
from kyma_harness.pytest.asked import settings_of
from kyma_harness.pytest.handles.api import Api
from kyma_harness.pytest.handles.kyma import KymaHandle
from kyma_harness.pytest.hooks import STEPS
from kyma_harness.pytest.notes import note
from kyma_harness.session import lifetime
from kyma_harness.session.options import Settings, Stage
from kyma_harness.session.progress import Noted
from kyma_harness.session.setup import Testbed, set_up
from kyma_harness.session.stages import walk
from kyma_harness.wait.steps import StepLog
from kyma_harness.wait.waits import WaitError

GOING_SECONDS = 60.0
_NAME_LENGTH = 40


def a_namespace(api: Api, test: str) -> Iterator[str]:
    """Give a namespace of the test's own; after it the namespace goes, and the test fails if it cannot go."""
    slug = re.sub(r"[^a-z0-9]+", "-", test.lower())[:_NAME_LENGTH].strip("-")
    name = f"{slug}-{secrets.token_hex(3)}"
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {TEST_LABEL: "true"}},
        }
    )
    yield name
    api.delete(NAMESPACE, name)
    remains = ""
    try:
        api.expect(NAMESPACE, name).to_be_gone(within=GOING_SECONDS)
    except WaitError as error:
        left = _inside(api, name)
        remains = f"namespace {name} of this test does not go, and there is still {left}\n{error}"
    if remains:  # raised here, it does not drag the other one along
        pytest.fail(remains, pytrace=False)


def _inside(api: Api, name: str) -> str:
    """Say what is in a namespace, as far as that can be seen: nothing is to hide why we ask."""
    try:
        found = api.inventory()
    except ControllerError as error:
        return f"what cannot be listed ({error})"
    unseen = [f"({one})" for one in found.unseen.sentences()]
    return ", ".join([*found.inside(name), *unseen]) or "nothing that can be listed"


SEED = "KYMA_HARNESS_SEED"
SEED_PROPERTY = "fault seed"


def a_fault_seed(item: pytest.Item) -> int:
    """Give the seed of all chance in a test: a new one, or that of $KYMA_HARNESS_SEED; a failure shows it."""
    seed = int(os.environ.get(SEED) or secrets.randbelow(10**6))
    item.add_report_section("setup", "fault seed", f"repeat with {SEED}={seed}")
    item.user_properties.append((SEED_PROPERTY, seed))
    return seed


def a_fault_kit(testbed: Testbed, client: Client, portal: Portal, folder: Path) -> Iterator[FaultKit]:
    """Give every fault that an embedded cluster knows; what a test leaves in force is undone after it."""
    if Capability.PROCESS_NODE not in testbed.provider.capabilities:
        pytest.skip(f"provider {testbed.provider.name} has no processes of this host to hit")
    cluster = EmbeddedCluster.attach(testbed.settings.cluster_state)
    if cluster is None:
        pytest.fail(f"no cluster runs at {testbed.settings.cluster_state}", pytrace=False)
    kit = FaultKit(portal, client, cluster, folder)
    try:
        yield kit
    finally:
        kit.close()


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
    started = await walk(testbed, Noted(steps), last=Stage.RIGHTS, anew=False)
    if started is None or not testbed.settings.detached:
        return []
    how = "taken up" if started.found else "made anew" if started.changes else "made"
    return [f"cluster {testbed.settings.cluster}: {how}", *(f"  {change}" for change in started.changes)]
