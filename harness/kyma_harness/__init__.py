"""Prove a Kyma module against the lifecycle managers' contract, on any cluster.

What stands in ``__all__`` is for tests; docs/reference/api.md describes it. All else is private.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeloop.client import Client
    from kubeloop.resource import Kind, Object, ObjectKey
    from kyma_harness.clusters.provider import Capability
    from kyma_harness.faults.components import NotPossibleError
    from kyma_harness.faults.kit import Fault, FaultKit
    from kyma_harness.faults.plan import (
        ApiCall,
        Cut,
        Delay,
        EndWatch,
        Expire,
        Kill,
        Mixed,
        Moment,
        Nth,
        Refuse,
        kill_at,
    )
    from kyma_harness.faults.proxy import ApiProxy
    from kyma_harness.host.blocking import Portal
    from kyma_harness.host.errors import HarnessError
    from kyma_harness.kube.inventory import Inventory
    from kyma_harness.kube.logrecords import LogRecord
    from kyma_harness.kyma.choices import Choice
    from kyma_harness.kyma.contract import KYMA, MANIFEST, MODULE_TEMPLATE
    from kyma_harness.kyma.relations import kyma_relations
    from kyma_harness.kyma.verify import Check, Installed
    from kyma_harness.pytest.handles.api import Api
    from kyma_harness.pytest.handles.expectation import Expectation
    from kyma_harness.pytest.handles.history import Mark, Timeline, Track
    from kyma_harness.pytest.handles.kyma import KymaHandle, Reach
    from kyma_harness.pytest.handles.log import Log
    from kyma_harness.pytest.observing import Surroundings
    from kyma_harness.session.options import Settings, from_environment
    from kyma_harness.session.setup import Testbed
    from kyma_harness.wait.claims import (
        exists,
        has_condition,
        has_state,
        is_gone,
        is_ready,
        matches,
        satisfies,
    )
    from kyma_harness.wait.eventually import EventuallyError
    from kyma_harness.wait.give_up import Patience
    from kyma_harness.wait.relations import Relations
    from kyma_harness.wait.target import Claim, Target
    from kyma_harness.wait.waits import WaitError, wait_for

__all__ = [
    "KYMA",
    "MANIFEST",
    "MODULE_TEMPLATE",
    "Api",
    "ApiCall",
    "ApiProxy",
    "Capability",
    "Check",
    "Choice",
    "Claim",
    "Client",
    "Cut",
    "Delay",
    "EndWatch",
    "EventuallyError",
    "Expectation",
    "Expire",
    "Fault",
    "FaultKit",
    "HarnessError",
    "Installed",
    "Inventory",
    "Kill",
    "Kind",
    "KymaHandle",
    "Log",
    "LogRecord",
    "Mark",
    "Mixed",
    "Moment",
    "NotPossibleError",
    "Nth",
    "Object",
    "ObjectKey",
    "Patience",
    "Portal",
    "Reach",
    "Refuse",
    "Relations",
    "Settings",
    "Surroundings",
    "Target",
    "Testbed",
    "Timeline",
    "Track",
    "WaitError",
    "exists",
    "from_environment",
    "has_condition",
    "has_state",
    "is_gone",
    "is_ready",
    "kill_at",
    "kyma_relations",
    "matches",
    "satisfies",
    "wait_for",
]

_HOMES = {
    "Api": "kyma_harness.pytest.handles.api",
    "ApiCall": "kyma_harness.faults.plan",
    "ApiProxy": "kyma_harness.faults.proxy",
    "Capability": "kyma_harness.clusters.provider",
    "Check": "kyma_harness.kyma.verify",
    "Choice": "kyma_harness.kyma.choices",
    "Claim": "kyma_harness.wait.target",
    "Client": "kubeloop.client",
    "Cut": "kyma_harness.faults.plan",
    "Delay": "kyma_harness.faults.plan",
    "EndWatch": "kyma_harness.faults.plan",
    "EventuallyError": "kyma_harness.wait.eventually",
    "Expectation": "kyma_harness.pytest.handles.expectation",
    "Expire": "kyma_harness.faults.plan",
    "Fault": "kyma_harness.faults.kit",
    "FaultKit": "kyma_harness.faults.kit",
    "HarnessError": "kyma_harness.host.errors",
    "Installed": "kyma_harness.kyma.verify",
    "Inventory": "kyma_harness.kube.inventory",
    "Kill": "kyma_harness.faults.plan",
    "Kind": "kubeloop.resource",
    "KYMA": "kyma_harness.kyma.contract",
    "KymaHandle": "kyma_harness.pytest.handles.kyma",
    "Log": "kyma_harness.pytest.handles.log",
    "LogRecord": "kyma_harness.kube.logrecords",
    "MANIFEST": "kyma_harness.kyma.contract",
    "Mark": "kyma_harness.pytest.handles.history",
    "Mixed": "kyma_harness.faults.plan",
    "MODULE_TEMPLATE": "kyma_harness.kyma.contract",
    "Moment": "kyma_harness.faults.plan",
    "NotPossibleError": "kyma_harness.faults.components",
    "Nth": "kyma_harness.faults.plan",
    "Object": "kubeloop.resource",
    "ObjectKey": "kubeloop.resource",
    "Patience": "kyma_harness.wait.give_up",
    "Portal": "kyma_harness.host.blocking",
    "Reach": "kyma_harness.pytest.handles.kyma",
    "Refuse": "kyma_harness.faults.plan",
    "Relations": "kyma_harness.wait.relations",
    "Settings": "kyma_harness.session.options",
    "Surroundings": "kyma_harness.pytest.observing",
    "Target": "kyma_harness.wait.target",
    "Testbed": "kyma_harness.session.setup",
    "Timeline": "kyma_harness.pytest.handles.history",
    "Track": "kyma_harness.pytest.handles.history",
    "WaitError": "kyma_harness.wait.waits",
    "exists": "kyma_harness.wait.claims",
    "is_gone": "kyma_harness.wait.claims",
    "has_state": "kyma_harness.wait.claims",
    "has_condition": "kyma_harness.wait.claims",
    "satisfies": "kyma_harness.wait.claims",
    "is_ready": "kyma_harness.wait.claims",
    "matches": "kyma_harness.wait.claims",
    "from_environment": "kyma_harness.session.options",
    "kill_at": "kyma_harness.faults.plan",
    "kyma_relations": "kyma_harness.kyma.relations",
    "wait_for": "kyma_harness.wait.waits",
}
"""Where each of them is defined; nothing is imported before it is asked for."""
_LOADING = "kyma_harness.pytest.loading"
"""In a session of pytest what is installed counts, whatever modules the project under test has."""


def __getattr__(name: str) -> Any:
    """Import what is asked for, and what it needs."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if loading := sys.modules.get(_LOADING):
        with loading.only_installed(loading.INSTALLED):
            return getattr(import_module(_HOMES[name]), name)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Name what is for tests."""
    return sorted({*globals(), *__all__})
