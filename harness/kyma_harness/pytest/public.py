"""What tests ask for: the fixtures of :mod:`kyma_harness.pytest.graph` under short names.

Nothing of ours asks for one of these, as a project may have fixtures of its own by these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client import Client
    from kyma_harness.faults.kit import FaultKit
    from kyma_harness.host.blocking import Portal
    from kyma_harness.kube.logrecords import LogRecord
    from kyma_harness.pytest.handles.api import Api
    from kyma_harness.pytest.handles.history import Timeline
    from kyma_harness.pytest.handles.kyma import KymaHandle, Reach
    from kyma_harness.pytest.handles.log import Log
    from kyma_harness.session.setup import Testbed
    from kyma_harness.wait.observer import Observer


@pytest.fixture(scope="session")
def portal(_kyma_harness_portal: Portal) -> Portal:
    """Run one event loop for everything asynchronous of the session."""
    return _kyma_harness_portal


@pytest.fixture(scope="session")
def testbed(_kyma_harness_testbed: Testbed) -> Testbed:
    """Run a cluster with the lifecycle managers, the bundled module and an empty Kyma."""
    return _kyma_harness_testbed


@pytest.fixture(scope="session")
def client(_kyma_harness_client: Client) -> Client:
    """Connect as the administrator, asynchronously; tests use ``api``."""
    return _kyma_harness_client


@pytest.fixture(scope="session")
def observer(_kyma_harness_observer: Observer) -> Observer:
    """Follow the cluster in the background: for waits, for timelines, and for evidence."""
    return _kyma_harness_observer


@pytest.fixture(scope="session")
def api(_kyma_harness_api: Api) -> Api:
    """Show the cluster's API as its administrator sees it."""
    return _kyma_harness_api


@pytest.fixture(scope="session")
def reach(_kyma_harness_reach: Reach) -> Reach:
    """Give a way to a Service's port from this host."""
    return _kyma_harness_reach


@pytest.fixture
def kyma(_kyma_harness_kyma: KymaHandle) -> KymaHandle:
    """Give the default Kyma, Ready and without modules; whatever a test adds is removed again."""
    return _kyma_harness_kyma


@pytest.fixture
def namespace(_kyma_harness_namespace: str) -> str:
    """Give a namespace of the test's own; after it the namespace goes, and the test fails if it cannot go."""
    return _kyma_harness_namespace


@pytest.fixture
def timeline(_kyma_harness_timeline: Timeline) -> Timeline:
    """Give what every watched object goes through in this test."""
    return _kyma_harness_timeline


@pytest.fixture
def manager_log(_kyma_harness_manager_log: Log) -> Log:
    """Give what the module's manager logs in this test."""
    return _kyma_harness_manager_log


@pytest.fixture
def expect_log(_kyma_harness_expect_log: Callable[..., LogRecord]) -> Callable[..., LogRecord]:
    """Wait for a line of the manager's log: ``expect_log(backend="nats")``."""
    return _kyma_harness_expect_log


@pytest.fixture
def forbid_log(_kyma_harness_forbid_log: Callable[..., None]) -> Callable[..., None]:
    """Fail if there is a line in the manager's log: ``forbid_log(level="error")``."""
    return _kyma_harness_forbid_log


@pytest.fixture
def eventually(_kyma_harness_eventually: Callable[..., Any]) -> Callable[..., Any]:
    """Ask again and again until the answer is true: for what is outside the API, such as NATS."""
    return _kyma_harness_eventually


@pytest.fixture
def fault_seed(_kyma_harness_fault_seed: int) -> int:
    """Give the seed of all chance in a test: a new one, or that of $KYMA_HARNESS_SEED; a failure shows it."""
    return _kyma_harness_fault_seed


@pytest.fixture
def faults(_kyma_harness_faults: FaultKit) -> FaultKit:
    """Give every fault that an embedded cluster knows; what a test leaves in force is undone after it."""
    return _kyma_harness_faults
