"""The fixtures, under names that are nobody else's: a project may have a `client` or an `api` of its own.

What tests ask for are the aliases of :mod:`kyma_harness.pytest.public`. A suite may override those of
:data:`TO_OVERRIDE`, and nothing else here. All code that a fixture needs is imported when it is asked for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from kyma_harness.pytest.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kubeloop.client import Client
    from kubeloop.resource import Kind
    from kyma_harness.faults.kit import FaultKit
    from kyma_harness.host.blocking import Portal
    from kyma_harness.kube.logrecords import LogRecord
    from kyma_harness.kyma.pair import Quirks
    from kyma_harness.pytest.cluster import Freeing
    from kyma_harness.pytest.handles.api import Api
    from kyma_harness.pytest.handles.history import Timeline
    from kyma_harness.pytest.handles.kyma import KymaHandle, Reach
    from kyma_harness.pytest.handles.log import Log
    from kyma_harness.pytest.observing import Surroundings
    from kyma_harness.session.options import Settings
    from kyma_harness.session.setup import Testbed
    from kyma_harness.wait.give_up import Patience
    from kyma_harness.wait.observer import Observer

SETTINGS = "kyma_harness_settings"
TESTBED = "_kyma_harness_testbed"
OBSERVER = "_kyma_harness_observer"
KYMA = "_kyma_harness_kyma"
FAULTS = "_kyma_harness_faults"
TO_OVERRIDE = (SETTINGS, "kyma_harness_surroundings", "kyma_harness_patience")


@pytest.fixture(scope="session")
def _kyma_harness_code() -> None:
    load()


@pytest.fixture(scope="session")
def kyma_harness_settings(_kyma_harness_code: None, pytestconfig: pytest.Config) -> Settings:
    """Say what this session was asked for; a suite overrides this."""
    from kyma_harness.pytest.cluster import asked_settings

    return asked_settings(pytestconfig)


@pytest.fixture(scope="session")
def kyma_harness_surroundings(_kyma_harness_testbed: Testbed) -> Surroundings:
    """Say which Deployments take care of what; a suite that deploys more controllers overrides this."""
    from kyma_harness.pytest.observing import surroundings_of

    return surroundings_of(_kyma_harness_testbed)


@pytest.fixture(scope="session")
def kyma_harness_patience(_kyma_harness_code: None) -> Patience:
    """Say when waits give up before their time; a suite overrides this."""
    from kyma_harness.wait.give_up import Patience

    return Patience()


@pytest.fixture(scope="session")
def _kyma_harness_portal(_kyma_harness_code: None) -> Iterator[Portal]:
    from kyma_harness.host.blocking import Portal

    with Portal() as opened:
        yield opened


@pytest.fixture(scope="session")
def _kyma_harness_salvage(
    _kyma_harness_portal: Portal, pytestconfig: pytest.Config
) -> Callable[[Testbed], None]:
    from kyma_harness.pytest.evidence import salvage

    return partial(salvage, portal=_kyma_harness_portal, config=pytestconfig)


@pytest.fixture(scope="session")
def _kyma_harness_testbed(
    kyma_harness_settings: Settings,
    _kyma_harness_portal: Portal,
    _kyma_harness_salvage: Callable[[Testbed], None],
    pytestconfig: pytest.Config,
) -> Iterator[Testbed]:
    from kyma_harness.pytest.cluster import a_testbed

    yield from a_testbed(kyma_harness_settings, _kyma_harness_portal, _kyma_harness_salvage, pytestconfig)


@pytest.fixture(scope="session")
def _kyma_harness_client(_kyma_harness_testbed: Testbed, _kyma_harness_portal: Portal) -> Iterator[Client]:
    from kyma_harness.pytest.cluster import a_client

    yield from a_client(_kyma_harness_testbed, _kyma_harness_portal)


@pytest.fixture(scope="session")
def _kyma_harness_observer(
    _kyma_harness_client: Client,
    _kyma_harness_portal: Portal,
    kyma_harness_surroundings: Surroundings,
    kyma_harness_patience: Patience,
    pytestconfig: pytest.Config,
) -> Iterator[Observer]:
    from kyma_harness.pytest.observing import an_observer

    yield from an_observer(
        _kyma_harness_client,
        _kyma_harness_portal,
        kyma_harness_surroundings,
        kyma_harness_patience,
        pytestconfig,
    )


@pytest.fixture(scope="session")
def _kyma_harness_api(
    _kyma_harness_client: Client, _kyma_harness_portal: Portal, _kyma_harness_observer: Observer
) -> Api:
    from kyma_harness.pytest.handles.api import Api

    return Api(_kyma_harness_portal, _kyma_harness_client, _kyma_harness_observer)


@pytest.fixture(scope="session")
def _kyma_harness_reach(_kyma_harness_testbed: Testbed, _kyma_harness_portal: Portal) -> Reach:
    from kyma_harness.pytest.handles.kyma import reach_through

    return reach_through(_kyma_harness_portal, _kyma_harness_testbed.provider)


@pytest.fixture
def _kyma_harness_turn(_kyma_harness_code: None, request: pytest.FixtureRequest) -> None:
    from kyma_harness.pytest.exclusive import require_turn

    require_turn(request.node)


@pytest.fixture
def _kyma_harness_turn_with_kyma(_kyma_harness_code: None, request: pytest.FixtureRequest) -> None:
    from kyma_harness.pytest.exclusive import require_turn

    require_turn(request.node, kyma=True)


@pytest.fixture
def _kyma_harness_turn_alone(_kyma_harness_code: None, request: pytest.FixtureRequest) -> None:
    from kyma_harness.pytest.exclusive import require_turn

    require_turn(request.node, alone=True)


@pytest.fixture(scope="session")
def _kyma_harness_quirks(_kyma_harness_testbed: Testbed) -> Quirks:
    return _kyma_harness_testbed.managers.quirks


@pytest.fixture(scope="session")
def _kyma_harness_kinds(_kyma_harness_testbed: Testbed) -> list[Kind]:
    from kyma_harness.kyma.resource_check import kinds_of

    return kinds_of(_kyma_harness_testbed.module)


@pytest.fixture(scope="session")
def _kyma_harness_freeing(_kyma_harness_code: None) -> Freeing:
    from kyma_harness.pytest.cluster import Freeing

    return Freeing()


@pytest.fixture
def _kyma_harness_kyma(
    _kyma_harness_turn_with_kyma: None,
    _kyma_harness_api: Api,
    _kyma_harness_client: Client,
    _kyma_harness_portal: Portal,
    _kyma_harness_quirks: Quirks,
    _kyma_harness_kinds: list[Kind],
    _kyma_harness_freeing: Freeing,
    request: pytest.FixtureRequest,
) -> Iterator[KymaHandle]:
    from kyma_harness.pytest.cluster import a_kyma
    from kyma_harness.pytest.handles.kyma import KymaHandle

    handle = KymaHandle(
        api=_kyma_harness_api,
        portal=_kyma_harness_portal,
        client=_kyma_harness_client,
        quirks=_kyma_harness_quirks,
        kinds=_kyma_harness_kinds,
    )
    yield from a_kyma(handle, _kyma_harness_freeing, request.node.nodeid)


@pytest.fixture
def _kyma_harness_namespace(
    _kyma_harness_turn: None, _kyma_harness_api: Api, request: pytest.FixtureRequest
) -> Iterator[str]:
    from kyma_harness.pytest.cluster import a_namespace

    yield from a_namespace(_kyma_harness_api, request.node.name)


@pytest.fixture
def _kyma_harness_timeline(
    _kyma_harness_turn: None,
    _kyma_harness_observer: Observer,
    _kyma_harness_portal: Portal,
    request: pytest.FixtureRequest,
) -> Timeline:
    from kyma_harness.pytest.handles.history import Timeline
    from kyma_harness.pytest.hooks import STARTED

    since = request.node.stash[STARTED]
    return Timeline(portal=_kyma_harness_portal, observer=_kyma_harness_observer, since=since)


@pytest.fixture
def _kyma_harness_manager_log(
    _kyma_harness_turn: None,
    _kyma_harness_client: Client,
    _kyma_harness_portal: Portal,
    kyma_harness_surroundings: Surroundings,
    request: pytest.FixtureRequest,
) -> Log:
    from kyma_harness.pytest.observing import a_manager_log

    return a_manager_log(_kyma_harness_client, _kyma_harness_portal, kyma_harness_surroundings, request.node)


@pytest.fixture
def _kyma_harness_expect_log(_kyma_harness_manager_log: Log) -> Callable[..., LogRecord]:
    return _kyma_harness_manager_log.expect


@pytest.fixture
def _kyma_harness_forbid_log(_kyma_harness_manager_log: Log) -> Callable[..., None]:
    return _kyma_harness_manager_log.forbid


@pytest.fixture
def _kyma_harness_eventually(_kyma_harness_code: None, pytestconfig: pytest.Config) -> Callable[..., Any]:
    from kyma_harness.pytest.observing import line_of
    from kyma_harness.wait.eventually import eventually

    return partial(eventually, line=line_of(pytestconfig))


@pytest.fixture
def _kyma_harness_fault_seed(_kyma_harness_code: None, request: pytest.FixtureRequest) -> int:
    from kyma_harness.pytest.cluster import a_fault_seed

    return a_fault_seed(request.node)


@pytest.fixture
def _kyma_harness_faults(
    _kyma_harness_turn_alone: None,
    _kyma_harness_testbed: Testbed,
    _kyma_harness_client: Client,
    _kyma_harness_portal: Portal,
    tmp_path: Path,
) -> Iterator[FaultKit]:
    from kyma_harness.pytest.cluster import a_fault_kit

    yield from a_fault_kit(_kyma_harness_testbed, _kyma_harness_client, _kyma_harness_portal, tmp_path)


@pytest.fixture(autouse=True)
def _kyma_harness_needs(request: pytest.FixtureRequest) -> None:
    wanted = {name for mark in request.node.iter_markers("needs") for name in mark.args}
    if wanted:
        load()
        from kyma_harness.pytest.cluster import check_needs, is_of_capabilities

        # A project may have a marker of its own by that name.
        if SETTINGS in request.fixturenames or is_of_capabilities(wanted):
            check_needs(wanted, lambda: request.getfixturevalue(TESTBED).provider)
