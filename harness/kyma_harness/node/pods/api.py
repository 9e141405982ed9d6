"""What the node writes about one pod to the API server."""

import json
from typing import Any

from kubeloop.client import Client
from kubeloop.kinds import POD
from kubeloop.resource import Object, ObjectKey
from kyma_harness.node.annotations import ADDRESSES, SIMULATED
from kyma_harness.node.sandbox import Sandbox

_FIELD_MANAGER = "process-node"


class PodApi:
    """Write to the pod of this uid and to no other: a pod of the same name may have taken its place.

    Methods raise NotFoundError when the pod is gone and ConflictError when another has its name.
    """

    def __init__(self, client: Client, pod: Object) -> None:
        self.key = ObjectKey.of(pod)
        self._client = client
        self._uid = pod["metadata"]["uid"]

    async def apply_status(self, status: Object) -> None:
        """Own and set the status' fields, by server-side apply: conditions of others stay theirs."""
        metadata = {"name": self.key.name, "namespace": self.key.namespace, "uid": self._uid}
        await self._client.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status},
            field_manager=_FIELD_MANAGER, force=True, subresource="status",
        )  # fmt: skip

    async def annotate(self, sandbox: Sandbox) -> None:
        """Say where the pod's ports are to be found, and which containers are only simulated."""
        annotations = {ADDRESSES: json.dumps(sandbox.addresses)} if sandbox.ports else {}
        if sandbox.simulated:
            annotations[SIMULATED] = ",".join(sorted(sandbox.simulated))
        patch: dict[str, Any] = {"metadata": {"uid": self._uid, "annotations": annotations}}
        await self._client.merge_patch(POD, self.key.name, patch, namespace=self.key.namespace)

    async def remove(self) -> None:
        """Let the object go: nothing of the pod runs any longer. Finalizers of others may keep it."""
        await self._client.delete(
            POD, self.key.name, namespace=self.key.namespace, uid=self._uid, grace_period_seconds=0
        )
