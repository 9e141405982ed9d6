"""Whether a cluster that was hit works again as it did."""

import socket

from kubeloop.errors import ControllerError
from kubeloop.kinds import NAMESPACE, NODE, SERVICE_ACCOUNT
from kyma_harness.wait.claims import exists, satisfies
from kyma_harness.wait.eventually import eventually
from kyma_harness.wait.waits import Target, wait_for

WITHIN = 150
"""Seconds: controllers find back to their API server at a pace of their own, on a busy machine a slow one."""


def answers(address):
    """Tell whether anybody listens at an address."""
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def until_whole(admin, portal, cluster):
    """Wait until registry, API server, controllers and node all do their work."""
    eventually(lambda: answers(cluster.registry), "the registry answers", within=WITHIN)
    made = eventually(
        lambda: portal.call(admin.create(a_namespace())),
        "a namespace",
        within=WITHIN,
        tolerate=ControllerError,
    )["metadata"]["name"]
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace=made)
    portal.call(wait_for(admin, account, exists(), what="exist", within=WITHIN))
    node = Target(kind=NODE, name=cluster.record.node)
    takes_pods = satisfies(is_ready_for_pods, "it is not ready, or tainted")
    portal.call(wait_for(admin, node, takes_pods, what="take pods", within=WITHIN))
    portal.call(admin.delete(NAMESPACE, made))


def a_namespace():
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "whole-"}}


def is_ready_for_pods(node):
    conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and not node["spec"].get("taints")
