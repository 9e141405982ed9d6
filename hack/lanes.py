"""Deal the tests out in lanes, and take what a folder of tests was given away with the last of them.

A plugin of this repository's own tests. The tests of a lane run one after the other in one worker of
pytest-xdist, those that share a cluster above all: it is started once, and not once in every worker. Where
there are no workers, lanes run one after the other as well. They are taken up in their order here, the long
ones first, so that no worker is left alone with one at the end.

A folder with a conftest.py is a package to pytest, with an `__init__.py` or without: fixtures of that scope
go when a worker leaves the folder. A cluster costs something while it idles, too.
"""

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LANES: tuple[tuple[str, ...], ...] = (
    ("module/tests/eventing_manager/",),
    (
        "harness/tests/kyma/test_kyma_pair",
        "harness/tests/kyma/test_kyma_verify",
        "harness/tests/kyma/test_kyma_deploy",
    ),
    ("harness/tests/wait/",),
    ("module/tests/proof/",),
    (
        "harness/tests/faults/",
        "harness/tests/clusters/",
        "harness/tests/embedded/test_embedded_control_plane",
        "harness/tests/kyma/test_kyma_resource_check",
        "harness/tests/managers/",
        "harness/tests/oci/test_oci_image_archive",
    ),
    ("harness/tests/modules/lamp/",),
    ("harness/tests/node/",),
    ("module/tests/kubeloop/",),
    ("harness/tests/packages/",),
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
    """Bring together what is a lane, and in it what is of a folder; all else stays in its random order."""
    folders = dict[Path, int]()

    def order(item: pytest.Item) -> tuple[int, int]:
        return place_of(item.nodeid), folders.setdefault(item.path.parent, len(folders))

    items.sort(key=order)


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


class Folder(pytest.Package):
    """A folder of tests that has fixtures of its own."""

    def setup(self) -> None:
        """Set up nothing: there need not be an `__init__.py`."""


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> Folder | None:
    """Let the scope of a folder's fixtures be the folder."""
    is_one = (path / "conftest.py").is_file() and path != parent.config.rootpath
    return Folder.from_parent(parent, path=path) if is_one else None
