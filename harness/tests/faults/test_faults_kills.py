"""Whoever made a fault is killed within it, and the cluster is whole again for everybody else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from wholeness import WITHIN

from kubeloop.errors import NotFoundError
from kubeloop.kinds import LEASE, NODE
from kubeloop.lease import Lease
from kubeloop.resource import Kind
from kyma_harness.embedded.layout import Layout
from kyma_harness.faults.components import Components, NoSuchProcessError
from kyma_harness.host.pinned_process import is_stopped
from kyma_harness.wait.claims import satisfies
from kyma_harness.wait.eventually import eventually
from kyma_harness.wait.waits import Target, wait_for

HOLDING = Path(__file__).with_name("holding.py")
POLICY = Kind.parse("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")


@pytest.fixture
def components(embedded_cluster):
    return Components(embedded_cluster)


@pytest.fixture
def killed_within(embedded_cluster):
    """Make a fault in a process of its own, look at what it does, and kill the process."""

    def call(*fault, look=lambda: None):
        argv = [sys.executable, str(HOLDING), str(embedded_cluster.state), *fault]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as maker:
            try:
                assert maker.stdout.readline() == "in force\n"
                return look()
            finally:
                os.kill(maker.pid, signal.SIGKILL)

    return call


def runs(components, name, *, besides=0):
    try:
        return components.pid(name) != besides
    except NoSuchProcessError:
        return False


def promises(cluster):
    return [file.name for file in Layout(cluster.state).repairs.glob("*")]


@pytest.mark.usefixtures("whole_again")
def test_a_component_that_was_down_starts_again(embedded_cluster, components, killed_within):
    before = components.pid("registry")

    was_running = killed_within("down", "registry", look=lambda: runs(components, "registry"))

    assert not was_running
    eventually(lambda: runs(components, "registry", besides=before), "the registry", within=WITHIN)
    assert not Layout(embedded_cluster.state).fallen("registry").exists()


@pytest.mark.usefixtures("whole_again")
def test_one_who_is_killed_right_after_the_component_does_no_harm(embedded_cluster, components):
    """It has let go of its lock before the supervisor knows that the component has ended."""
    before = components.pid("registry")
    lock = Layout(embedded_cluster.state).down("registry")
    lock.acquire()
    lock.release()

    os.kill(before, signal.SIGKILL)

    eventually(lambda: runs(components, "registry", besides=before), "the registry", within=WITHIN)
    assert not lock.path.exists()


@pytest.mark.usefixtures("whole_again")
def test_a_component_that_was_paused_goes_on(embedded_cluster, components, killed_within):
    pid = components.pid("kube-scheduler")

    was_stopped = killed_within("pause", "kube-scheduler", look=lambda: is_stopped(pid))

    assert was_stopped
    eventually(lambda: not is_stopped(pid), "the scheduler goes on", within=WITHIN)
    eventually(lambda: not promises(embedded_cluster), "nothing is left to be put right", within=WITHIN)


@pytest.mark.usefixtures("whole_again")
def test_a_node_that_was_not_ready_is_heard_again(admin, portal, embedded_cluster, killed_within):
    killed_within("node_not_ready")

    target = Target(kind=NODE, name=embedded_cluster.record.node)
    healthy = satisfies(lambda node: not node["spec"].get("taints"), "it is tainted")
    portal.call(wait_for(admin, target, healthy, what="be without taints", within=WITHIN))
    eventually(lambda: not promises(embedded_cluster), "nothing is left to be put right", within=WITHIN)
    with pytest.raises(NotFoundError):
        portal.call(admin.get(POLICY, "faults.kyma-harness.io-silent-node"))


def test_a_lease_that_was_taken_is_given_back(admin, portal, embedded_cluster, killed_within):
    portal.call(Lease(admin, "taken-by-the-dead", "default", "one").acquire())

    killed_within("take_lease", "default", "taken-by-the-dead")

    eventually(lambda: not promises(embedded_cluster), "nothing is left to be put right", within=WITHIN)
    lease = portal.call(admin.get(LEASE, "taken-by-the-dead", "default"))
    portal.call(admin.delete(LEASE, "taken-by-the-dead", namespace="default"))
    assert not lease["spec"].get("holderIdentity")


def test_a_repair_stays_while_its_maker_lives_and_goes_with_the_fault(embedded_cluster, kit):
    with kit.pause("kube-scheduler"):
        meanwhile = promises(embedded_cluster)

    assert len(meanwhile) == 1
    # The supervisor may just be looking whether one is held that went a moment ago.
    eventually(lambda: promises(embedded_cluster) == [], "nothing is left to be put right", within=WITHIN)
