"""The Kyma is free for each test; where it cannot be freed, the tests after that do not wait for it again."""

import sys
import textwrap
from pathlib import Path

import pytest
from nested import environment
from stored import KYMA_DEFINITIONS, KYMA_VERSION, StoredCluster, an_object

from kubeloop.resource import Kind
from kyma_harness.host.blocking import Portal
from kyma_harness.host.process import run
from kyma_harness.pytest.cluster import Freeing
from kyma_harness.pytest.handles.api import Api
from kyma_harness.pytest.handles.kyma import KymaHandle
from kyma_harness.wait.waits import WaitError

MANIFEST = ("Manifest.operator.kyma-project.io", ("kcp-system", "default-kyma-lamp"))


def a_kyma(*listed, lingering=()):
    states = [{"moduleName": name, "state": "Deleting"} for name in lingering]
    return an_object(
        "Kyma",
        "default-kyma",
        "kcp-system",
        api_version=KYMA_VERSION,
        spec={"modules": [{"name": name} for name in listed]},
        status={"state": "Processing" if lingering else "Ready", "moduleStatus": states},
    )


def a_manifest():
    return an_object("Manifest", "default-kyma-lamp", "kcp-system", api_version=KYMA_VERSION, spec={})


@pytest.fixture
def cluster():
    return StoredCluster(*KYMA_DEFINITIONS, a_kyma())


@pytest.fixture
def handle(cluster):
    with Portal() as portal:
        yield KymaHandle(api=Api(portal, cluster), portal=portal, client=cluster)


def test_a_module_that_was_taken_off_the_list_and_is_still_there_is_waited_for(handle, cluster):
    cluster.put(a_manifest())
    cluster.put(a_kyma(lingering=["lamp"]))

    with pytest.raises(WaitError, match="Manifest kcp-system/default-kyma-lamp did not come to be gone"):
        handle.clear(within=0.1)


def test_once_the_kyma_could_not_be_freed_the_next_test_only_looks(handle, cluster):
    freeing = Freeing(within=0.4, glance=0.01)
    cluster.put(a_manifest())
    cluster.put(a_kyma(lingering=["lamp"]))

    with pytest.raises(WaitError, match=r"within 0.4 s"):
        freeing.free(handle, "test_one")
    with pytest.raises(pytest.fail.Exception, match=r"not free since test_one: .* within 0.4 s"):
        freeing.free(handle, "test_two")
    with pytest.raises(pytest.fail.Exception, match="not free since test_one"):
        freeing.free(handle, "test_three")


def test_a_definition_of_the_module_that_does_not_go_counts_as_well(cluster):
    definition = an_object(
        "CustomResourceDefinition",
        "lamps.example.com",
        api_version="apiextensions.k8s.io/v1",
        spec={"group": "example.com", "names": {"kind": "Lamp"}},
    )
    definition["metadata"]["deletionTimestamp"] = "2022-12-01T00:00:00Z"
    cluster.put(definition)
    freeing, lamp = Freeing(within=0.2, glance=0.01), Kind.parse("example.com/v1", "Lamp")
    with Portal() as portal:
        handle = KymaHandle(api=Api(portal, cluster), portal=portal, client=cluster, kinds=[lamp])

        with pytest.raises(WaitError, match=r"lamps\.example\.com \(being deleted\)"):
            freeing.free(handle, "test_one")
        with pytest.raises(pytest.fail.Exception, match="not free since test_one"):
            freeing.free(handle, "test_two")


def test_once_it_is_free_again_all_is_as_before(handle, cluster):
    freeing = Freeing(within=0.4, glance=0.1)
    cluster.put(a_manifest())
    cluster.put(a_kyma(lingering=["lamp"]))
    with pytest.raises(WaitError):
        freeing.free(handle, "test_one")

    cluster.take(a_manifest())
    cluster.put(a_kyma())
    freeing.free(handle, "test_two")
    cluster.put(a_kyma(lingering=["lamp"]))

    with pytest.raises(WaitError, match=r"within 0.4 s"):
        freeing.free(handle, "test_three")


def test_a_kyma_that_is_not_ready_counts_as_well(handle, cluster):
    freeing = Freeing(within=0.4, glance=0.01)
    cluster.put({**a_kyma(), "status": {"state": "Error"}})

    with pytest.raises(WaitError, match="state is Error"):
        freeing.free(handle, "test_one")
    with pytest.raises(pytest.fail.Exception, match="not free since test_one"):
        freeing.free(handle, "test_two")


CONFTEST = """
    import sys
    sys.path += {tests!r}
    import pytest
    from kyma_harness.pytest import cluster as fixtures
    from kyma_harness.kyma.pair import NO_QUIRKS
    from test_pytest_kyma_fixture import a_kyma
    from stored import KYMA_DEFINITIONS, StoredCluster

    fixtures.Freeing.__init__.__kwdefaults__.update(within=1.0, glance=0.01)

    @pytest.fixture(scope="session")
    def _kyma_harness_client():
        return StoredCluster(*KYMA_DEFINITIONS, a_kyma())

    @pytest.fixture(scope="session")
    def _kyma_harness_quirks():
        return NO_QUIRKS

    @pytest.fixture(scope="session")
    def _kyma_harness_kinds():
        return []

    @pytest.fixture(scope="session")
    def _kyma_harness_observer():
        return None
"""
TESTS = """
    import pytest
    from test_pytest_kyma_fixture import a_kyma, a_manifest

    def test_before(kyma):
        pass

    def test_that_leaves_a_module(kyma):
        kyma.client.put(a_manifest())
        kyma.client.put(a_kyma(lingering=["lamp"]))

    @pytest.mark.parametrize("number", range(5))
    def test_after(kyma, number):
        pass
"""


def test_a_module_that_cannot_be_removed_is_waited_for_once_in_a_session(portal, tmp_path):
    here = Path(__file__).parent
    tests = [str(here), str(here.parent)]
    (tmp_path / "conftest.py").write_text(textwrap.dedent(CONFTEST).format(tests=tests))
    (tmp_path / "test_it.py").write_text(textwrap.dedent(TESTS))
    argv = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-rN"]
    environ = environment(KYMA_HARNESS_STATE=str(tmp_path / "state"))

    ended = run(
        [*argv, f"--rootdir={tmp_path}", "test_it.py"], timeout=120, cwd=tmp_path, env=environ, check=False
    )
    said = portal.call(ended).stdout

    assert "2 passed, 6 errors" in said, said
    assert said.count("within 1 s") == 6
    assert said.count("not free since test_it.py::test_that_leaves_a_module") == 5
