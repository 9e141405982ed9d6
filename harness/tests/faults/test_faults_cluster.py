"""The node is lost sight of, leases run out, a disk is full; and all is well again."""

import asyncio
import errno
import os

import pytest
from eventually import PATIENCE

from kubeloop.errors import LeaseLostError
from kubeloop.kinds import LEASE, NAMESPACE, NODE, POD, SERVICE_ACCOUNT
from kubeloop.lease import Lease, LeaseTimings
from kyma_harness.faults.components import NotPossibleError
from kyma_harness.kube.logs import logs_of
from kyma_harness.wait.claims import exists, has_condition, satisfies
from kyma_harness.wait.eventually import eventually
from kyma_harness.wait.waits import Target, wait_for

PATIENT = LeaseTimings(duration=3600, deadline=3000, retry=0.1, look=0.2)
"""Nobody would see such a lease run out by itself."""
UNREACHABLE = ("node.kubernetes.io/unreachable", "NoSchedule")
NO_SPACE = os.strerror(errno.ENOSPC)
WRITE = f"""
said=$(dd if=/dev/zero of=/data/$$ bs=8k count=1 2>&1) && done=written
test "$done" || done=$(echo "$said" | grep -o '{NO_SPACE}')
echo $done, $(ls /data | wc -l)
exec sleep 600
"""


@pytest.fixture
def until(admin, portal):
    """Wait until an object is as claimed, and return it."""

    def call(kind, name, namespace, claim, *, what):
        target = Target(kind=kind, name=name, namespace=namespace)
        return portal.call(wait_for(admin, target, claim, what=what))

    return call


@pytest.fixture
def namespace(admin, portal, until):
    made = portal.call(admin.create({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "faulty-"},
    }))["metadata"]["name"]  # fmt: skip
    until(SERVICE_ACCOUNT, "default", made, exists(), what="exist")
    yield made
    portal.call(admin.delete(NAMESPACE, made))


def a_pod(namespace, script="exec sleep 600", **spec):
    container = {"name": "main", "image": "test/shell:1", "command": ["sh", "-c", script]}
    if "volumes" in spec:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container], **spec},
    }  # fmt: skip


def a_pod_on_a_claim(namespace, script):
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    return a_pod(namespace, script, volumes=[volume])


def a_claim(namespace):
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }  # fmt: skip


def taints(node):
    return {(one["key"], one["effect"]) for one in node["spec"].get("taints", ())}


def test_a_node_that_is_not_ready_is_tainted_and_its_pods_are_not_ready(admin, portal, kit, until, namespace):
    (name,) = [node["metadata"]["name"] for node in portal.call(admin.list(NODE)).items]
    portal.call(admin.create(a_pod(namespace)))
    until(POD, "web", namespace, has_condition("Ready"), what="be Ready")

    with kit.node_not_ready():
        tainted = satisfies(lambda node: UNREACHABLE in taints(node), "it has no taint")
        until(NODE, name, None, tainted, what="be tainted")
        until(POD, "web", namespace, has_condition("Ready", "False"), what="be not Ready")

    assert not taints(portal.call(admin.get(NODE, name)))
    until(NODE, name, None, has_condition("Ready"), what="be Ready")
    until(POD, "web", namespace, has_condition("Ready"), what="be Ready")


def test_a_lease_that_has_run_out_is_another_s(admin, portal, kit, namespace):
    portal.call(Lease(admin, "lamp", namespace, "one", timings=PATIENT).acquire())

    kit.expire_lease(namespace, "lamp")

    portal.call(asyncio.wait_for(Lease(admin, "lamp", namespace, "two", timings=PATIENT).acquire(), PATIENCE))
    assert portal.call(admin.get(LEASE, "lamp", namespace))["spec"]["holderIdentity"] == "two"


async def seconds_left(lease: Lease) -> float:
    return lease.remaining()


def test_a_lease_that_is_taken_has_no_leader_until_it_is_given_back(admin, portal, kit, namespace):
    leader = Lease(admin, "lamp", namespace, "one", timings=PATIENT)
    portal.call(leader.acquire())

    with kit.take_lease(namespace, "lamp"), pytest.raises(LeaseLostError, match="has another holder"):
        portal.call(asyncio.wait_for(leader.keep(), PATIENCE))

    portal.call(asyncio.wait_for(leader.acquire(), PATIENCE))
    assert portal.call(seconds_left(leader)) > 0


def test_on_a_full_disk_nothing_can_be_written_and_nothing_is_lost(admin, portal, kit, until, namespace):
    def said(times):
        pod = until(POD, "web", namespace, satisfies(has_restarted(times), "not yet"), what="restart")
        (line,) = eventually(lambda: lines_of(pod), "a line in the log")
        return line.split(maxsplit=1)[1]

    def lines_of(pod):
        (*_, log) = portal.call(logs_of(admin, [pod], since=None))
        return log.text.splitlines()

    portal.call(admin.create(a_claim(namespace)))
    portal.call(admin.create(a_pod_on_a_claim(namespace, WRITE)))
    before = said(0)

    try:
        with kit.disk_full(namespace, "data"):
            meanwhile = said(1)
    except NotPossibleError as error:
        pytest.skip(str(error))

    assert (before, meanwhile, said(2)) == ("written, 1", f"{NO_SPACE}, 2", "written, 3")


def has_restarted(times):
    def claim(pod):
        (container,) = pod.get("status", {}).get("containerStatuses") or [{}]
        return container.get("restartCount") == times and "running" in container.get("state", {})

    return claim


def test_a_claim_without_a_volume_has_no_disk_to_fill(admin, portal, kit, namespace):
    portal.call(admin.create(a_claim(namespace)))

    with pytest.raises(NotPossibleError, match=r"PersistentVolumeClaim faulty-.*/data is not bound"):
        kit.disk_full(namespace, "data")
