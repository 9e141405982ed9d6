"""Prove a Kyma module against the lifecycle managers' contract, on any cluster.

What stands in ``__all__`` is for tests; docs/reference/api.md describes it. All else is private.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kubeloop.client import Client
    from kubeloop.resource import Kind, Object, ObjectKey
    from kyma_harness.blocking import Portal
    from kyma_harness.choices import Choice
    from kyma_harness.clusters.provider import Capability
    from kyma_harness.faults.call import ApiCall
    from kyma_harness.faults.errors import NotPossibleError
    from kyma_harness.faults.fault import Cut, Delay, EndWatch, Expire, Kill, Moment, Refuse
    from kyma_harness.faults.kit import Fault, FaultKit
    from kyma_harness.faults.plan import Mixed, Nth, kill_at
    from kyma_harness.faults.proxy import ApiProxy
    from kyma_harness.fixtures.observing import Surroundings
    from kyma_harness.host.errors import HarnessError
    from kyma_harness.kyma.kinds import KYMA, MANIFEST, MODULE_TEMPLATE
    from kyma_harness.kyma.relations import kyma_relations
    from kyma_harness.kyma.verify import Check, Installed
    from kyma_harness.observe.claims import (
        exists,
        has_condition,
        has_state,
        is_gone,
        is_ready,
        matches,
        satisfies,
    )
    from kyma_harness.observe.eventually import EventuallyError
    from kyma_harness.observe.inventory import Inventory
    from kyma_harness.observe.logrecords import LogRecord
    from kyma_harness.observe.patience import Patience
    from kyma_harness.observe.relations import Relations
    from kyma_harness.observe.target import Claim, Target
    from kyma_harness.observe.waits import WaitError, wait_for
    from kyma_harness.settings import Settings, from_environment
    from kyma_harness.testbed import Testbed
    from kyma_harness.testing.api import Api
    from kyma_harness.testing.expectation import Expectation
    from kyma_harness.testing.handle import KymaHandle, Reach
    from kyma_harness.testing.log import Log
    from kyma_harness.testing.track import Mark, Timeline, Track

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
    "Api": "kyma_harness.testing.api",
    "ApiCall": "kyma_harness.faults.call",
    "ApiProxy": "kyma_harness.faults.proxy",
    "Capability": "kyma_harness.clusters.provider",
    "Check": "kyma_harness.kyma.verify",
    "Choice": "kyma_harness.choices",
    "Claim": "kyma_harness.observe.target",
    "Client": "kubeloop.client",
    "Cut": "kyma_harness.faults.fault",
    "Delay": "kyma_harness.faults.fault",
    "EndWatch": "kyma_harness.faults.fault",
    "EventuallyError": "kyma_harness.observe.eventually",
    "Expectation": "kyma_harness.testing.expectation",
    "Expire": "kyma_harness.faults.fault",
    "Fault": "kyma_harness.faults.kit",
    "FaultKit": "kyma_harness.faults.kit",
    "HarnessError": "kyma_harness.host.errors",
    "Installed": "kyma_harness.kyma.verify",
    "Inventory": "kyma_harness.observe.inventory",
    "Kill": "kyma_harness.faults.fault",
    "Kind": "kubeloop.resource",
    "KYMA": "kyma_harness.kyma.kinds",
    "KymaHandle": "kyma_harness.testing.handle",
    "Log": "kyma_harness.testing.log",
    "LogRecord": "kyma_harness.observe.logrecords",
    "MANIFEST": "kyma_harness.kyma.kinds",
    "Mark": "kyma_harness.testing.track",
    "Mixed": "kyma_harness.faults.plan",
    "MODULE_TEMPLATE": "kyma_harness.kyma.kinds",
    "Moment": "kyma_harness.faults.fault",
    "NotPossibleError": "kyma_harness.faults.errors",
    "Nth": "kyma_harness.faults.plan",
    "Object": "kubeloop.resource",
    "ObjectKey": "kubeloop.resource",
    "Patience": "kyma_harness.observe.patience",
    "Portal": "kyma_harness.blocking",
    "Reach": "kyma_harness.testing.handle",
    "Refuse": "kyma_harness.faults.fault",
    "Relations": "kyma_harness.observe.relations",
    "Settings": "kyma_harness.settings",
    "Surroundings": "kyma_harness.fixtures.observing",
    "Target": "kyma_harness.observe.target",
    "Testbed": "kyma_harness.testbed",
    "Timeline": "kyma_harness.testing.track",
    "Track": "kyma_harness.testing.track",
    "WaitError": "kyma_harness.observe.waits",
    "exists": "kyma_harness.observe.claims",
    "is_gone": "kyma_harness.observe.claims",
    "has_state": "kyma_harness.observe.claims",
    "has_condition": "kyma_harness.observe.claims",
    "satisfies": "kyma_harness.observe.claims",
    "is_ready": "kyma_harness.observe.claims",
    "matches": "kyma_harness.observe.claims",
    "from_environment": "kyma_harness.settings",
    "kill_at": "kyma_harness.faults.plan",
    "kyma_relations": "kyma_harness.kyma.relations",
    "wait_for": "kyma_harness.observe.waits",
}
"""Where each of them is defined; nothing is imported before it is asked for."""
_LOADING = "kyma_harness.fixtures.loading"
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
