"""Components go down, come back, stop and go on; the cluster outlives it."""

import subprocess
import sys

import pytest
from wholeness import WITHIN, answers

from kubeloop.errors import UnreachableError
from kubeloop.kinds import NAMESPACE, SERVICE_ACCOUNT
from kyma_harness.faults.components import Components, NoSuchProcessError, Signals
from kyma_harness.wait.claims import exists
from kyma_harness.wait.waits import Target, WaitError, wait_for


@pytest.fixture
def components(embedded_cluster):
    return Components(embedded_cluster)


@pytest.mark.usefixtures("whole_again")
def test_a_component_that_is_down_stays_down_until_it_is_undone(embedded_cluster, kit, components):
    before = components.pid("registry")

    with kit.down("registry"):
        while_down = answers(embedded_cluster.registry)

    assert not while_down
    assert components.pid("registry") != before


@pytest.mark.usefixtures("whole_again")
def test_an_api_server_that_was_killed_is_back_with_all_it_knew(admin, kit, portal):
    made = portal.call(admin.create({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "kept-"},
    }))["metadata"]["name"]  # fmt: skip

    with kit.down("kube-apiserver"), pytest.raises(UnreachableError):
        portal.call(admin.get(NAMESPACE, made))

    target = Target(kind=NAMESPACE, name=made)
    assert (
        portal.call(wait_for(admin, target, exists(), what="be known", within=150))["metadata"]["name"]
        == made
    )


@pytest.mark.usefixtures("whole_again")
def test_a_paused_component_does_nothing_and_goes_on_where_it_was(admin, kit, portal):
    pause = kit.pause("kube-controller-manager")
    made = portal.call(admin.create({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "paused-"},
    }))["metadata"]["name"]  # fmt: skip
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace=made)

    with pytest.raises(WaitError):
        portal.call(wait_for(admin, account, exists(), what="exist", within=1))
    pause.undo()

    assert portal.call(wait_for(admin, account, exists(), what="exist", within=WITHIN))
    portal.call(admin.delete(NAMESPACE, made))


def test_what_is_no_component_is_named_with_those_that_are(components):
    with pytest.raises(NoSuchProcessError, match=r"no kube-dns runs .* kube-scheduler"):
        components.pid("kube-dns")


@pytest.mark.usefixtures("whole_again")
def test_a_component_may_be_restarted_again_while_it_still_starts(admin, kit, portal):
    for _ in range(3):
        kit.restart("kube-apiserver")

    default = Target(kind=NAMESPACE, name="default")
    assert portal.call(wait_for(admin, default, exists(), what="be known", within=150))


def test_a_process_that_is_not_the_cluster_s_is_never_hit(embedded_cluster):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        with pytest.raises(NoSuchProcessError, match=f"process {stranger.pid} has ended already"):
            Signals(embedded_cluster).kill(stranger.pid)

        assert stranger.poll() is None
        stranger.terminate()
