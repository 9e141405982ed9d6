"""Deal the tests out to the workers of pytest-xdist in lanes: a plugin of this repository's own tests.

The tests of a lane run one after the other in one worker, those that share a cluster above all: it is started
once, and not once in every worker. Where there are no workers, they run one after the other as well. Lanes
are taken up in their order here, the long ones first, so that no worker is left alone with one at the end.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LANES: tuple[tuple[str, ...], ...] = (
    ("module/tests/proof/",),
    ("harness/tests/kyma/",),
    ("module/tests/eventing_manager/",),
    ("harness/tests/observe/",),
    ("harness/tests/faults/",),
    ("harness/tests/modules/lamp/",),
    ("module/tests/kubeloop/",),
    ("harness/tests/node/",),
)
"""What the names of a lane's tests begin with. What is in none of these is a lane by the file."""


def lane_of(test: str) -> str:
    """Return the lane of a test, from its name as pytest gives it."""
    for prefixes in LANES:
        if test.startswith(prefixes):
            return prefixes[0]
    return test.partition("::")[0]


def place_of(test: str) -> int:
    """Return when a lane's turn is: all that are not named here come after those that are."""
    return next((place for place, prefixes in enumerate(LANES) if test.startswith(prefixes)), len(LANES))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring together what is a lane; within it, the order stays as random as it is."""
    items.sort(key=lambda item: place_of(item.nodeid))


class Lanes(LoadScopeScheduling):
    """Hand out a lane at a time, in the order of their first tests."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False  # the most tests are not the longest
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes | None:
    """Deal out lanes, unless another way is asked for by name."""
    return Lanes(config, log) if config.getoption("dist") == "load" else None
