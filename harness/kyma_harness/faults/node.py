"""Let the cluster lose sight of its node: its pods' processes go on, and nobody hears of them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import ConflictError, InvalidError, NotFoundError
from kubeloop.kinds import LEASE, NODE, POD
from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.repairs import Repair, Repairs, Request
from kyma_harness.wait.claims import satisfies
from kyma_harness.wait.waits import Target, wait_for

_POLICY: Final = Kind.parse("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy")
_BINDING: Final = Kind.parse("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding")
_NAME: Final = "faults.kyma-harness.io-silent-node"
_PATH: Final = "/apis/admissionregistration.k8s.io/v1"
_REPAIR: Final = Repair(
    requests=(
        Request(method="DELETE", path=f"{_PATH}/validatingadmissionpolicybindings/{_NAME}"),
        Request(method="DELETE", path=f"{_PATH}/validatingadmissionpolicies/{_NAME}"),
    )
)
_LEASES: Final = "kube-node-lease"
_LOOK_SECONDS: Final = 0.1
_LIMIT_SECONDS: Final = 150.0
_STOPPED: Final = "Kubelet stopped posting node status."
_TAINT: Final = "node.kubernetes.io/unreachable"


@asynccontextmanager
async def not_ready(client: Client, cluster: EmbeddedCluster) -> AsyncIterator[None]:
    """Cut the node off from writing, and take it for dead at once, while the block runs.

    The API server refuses its heartbeats and its pods' status. The node controller would notice after 50 s;
    what it writes then of the node and its pods is written now. Returns when it has tainted the node, and in
    the end when the node is open to pods again: it speaks every ten seconds.
    """
    node = cluster.record.node
    with Repairs(Layout.at(cluster.state)).promised(_REPAIR) as promise:
        try:
            await _silence(client, cluster)
            await _take_for_dead(client, node)
            await _until_node(client, node, lambda seen: _TAINT in _taints(seen), "be tainted")
            yield
        finally:
            for kind in (_BINDING, _POLICY):
                with suppress(NotFoundError):
                    await client.delete(kind, _NAME)
            promise.remove()
            await _until_node(client, node, lambda seen: not _taints(seen), "be Ready and without taints")


async def _silence(client: Client, cluster: EmbeddedCluster) -> None:
    """Let the API server refuse what the node writes, and return when it does."""
    node = cluster.record.node
    for item in (_policy(node), _binding()):
        await client.apply(item, field_manager="faults")
    async with Client.from_kubeconfig(Layout.at(cluster.state).pki / "node.kubeconfig") as voice:
        await _until_refused(voice, node)


async def _take_for_dead(client: Client, node: str) -> None:
    moment = {"lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    unknown = {"status": "Unknown", "reason": "NodeStatusUnknown", "message": _STOPPED, **moment}
    await _set(client, NODE, await client.get(NODE, node), unknown)
    for pod in (await client.list(POD, field_selector=f"spec.nodeName={node}")).items:
        with suppress(NotFoundError):
            await _set(client, POD, pod, {"status": "False", **moment}, only="Ready")


async def _set(client: Client, kind: Kind, obj: Object, fields: Mapping[str, str], *, only: str = "") -> None:
    """Set fields of an object's conditions, of all of them unless one is named."""
    key = ObjectKey.of(obj)
    conditions = [
        {**one, **fields} if only in {"", one["type"]} else one
        for one in obj.get("status", {}).get("conditions") or ()
    ]
    patch = {"status": {"conditions": conditions}}
    await client.merge_patch(kind, key.name, patch, namespace=key.namespace or None, subresource="status")


async def _until_refused(voice: Client, node: str) -> None:
    """Speak as the node until nobody listens: a policy is not in force at once."""

    async def is_heard() -> bool:
        lease = await voice.get(LEASE, node, _LEASES)
        try:
            await voice.update(lease, dry_run=True)
        except InvalidError:
            return False
        except ConflictError:  # the node was faster: it is heard
            return True
        return True

    retrying = AsyncRetrying(
        stop=stop_after_delay(_LIMIT_SECONDS),
        wait=wait_fixed(_LOOK_SECONDS),
        retry=retry_if_result(bool),
    )
    await retrying(is_heard)


async def _until_node(client: Client, node: str, predicate: Callable[[Object], bool], what: str) -> None:
    target = Target(kind=NODE, name=node)
    await wait_for(
        client, target, satisfies(predicate, f"it does not {what}"), what=what, within=_LIMIT_SECONDS
    )


def _taints(node: Object) -> set[str]:
    return {one["key"] for one in node["spec"].get("taints", ())}


def _policy(node: str) -> Object:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    return {
        "apiVersion": _POLICY.api_version,
        "kind": _POLICY.kind,
        "metadata": {"name": _NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "matchConditions": [
                {"name": "the-node", "expression": f"request.userInfo.username == 'system:node:{node}'"}
            ],
            "validations": [
                {"expression": "false", "message": "a fault was injected: the node is not heard"}
            ],
        },
    }


def _binding() -> Object:
    return {
        "apiVersion": _BINDING.api_version,
        "kind": _BINDING.kind,
        "metadata": {"name": _NAME},
        "spec": {"policyName": _NAME, "validationActions": ["Deny"]},
    }
