"""Know what a test asks for, before it begins: its fixtures, and those it names while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kyma_harness.host.choices import CAPABILITIES
from kyma_harness.pytest.graph import FAULTS, KYMA, OBSERVER, SETTINGS, TESTBED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    import pytest

DYNAMIC = "getfixturevalue"
OF_A_CLUSTER = frozenset(
    {"api", "client", "expect_log", "faults", "forbid_log", "kyma", "manager_log"}
    | {"namespace", "observer", "reach", "testbed", "timeline"}
)
"""The public fixtures that have to do with a cluster."""


class Wanted(NamedTuple):
    """What a test wants of a cluster."""

    cluster: bool = False
    kyma: bool = False
    """The one Kyma, for itself."""
    alone: bool = False
    """The whole cluster, for itself."""


def has_cluster(item: pytest.Item) -> bool:
    """Tell whether a test has a cluster that can be looked into."""
    asked = set(getattr(item, "fixturenames", ()))
    return bool(asked & {TESTBED, OBSERVER}) or bool(OF_A_CLUSTER.intersection(_named_by(item)))


def wanted_by(item: pytest.Item) -> Wanted:
    """Return what a test asks for: by its fixtures, its markers, and by names that it gives while it runs."""
    asked = set(getattr(item, "fixturenames", ()))
    named = set(_named_by(item))
    needs = {name for mark in item.iter_markers("needs") for name in mark.args}
    return Wanted(
        cluster=SETTINGS in asked or bool(named & OF_A_CLUSTER) or bool(needs & CAPABILITIES),
        kyma=KYMA in asked or "kyma" in named,
        alone=FAULTS in asked or "faults" in named,
    )


def _named_by(item: pytest.Item) -> Iterator[str]:
    """Yield what a test or a fixture of it may hand to ``request.getfixturevalue``, if that is written."""
    info = getattr(item, "_fixtureinfo", None)
    fixtures = [one.func for defined in (info.name2fixturedefs if info else {}).values() for one in defined]
    for function in (getattr(item, "function", None), *fixtures):
        code = getattr(function, "__code__", None)
        if code and not function.__module__.startswith("kyma_harness.") and _is_dynamic(code):
            yield from _words(code)
            yield from (one for one in _parameters(item) if isinstance(one, str))


def _is_dynamic(code: CodeType) -> bool:
    return DYNAMIC in code.co_names or any(map(_is_dynamic, _inner(code)))


def _words(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, (tuple, frozenset)):
            yield from (one for one in constant if isinstance(one, str))
    for inner in _inner(code):
        yield from _words(inner)


def _inner(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if hasattr(one, "co_consts")]


def _parameters(item: pytest.Item) -> list[object]:
    callspec = getattr(item, "callspec", None)
    return list(callspec.params.values()) if callspec else []
