"""What the node writes about one pod to the API server: its status, its addresses, and that it may go."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from kubeloop.client import Client
from kubeloop.errors import ControllerError, NotFoundError
from kubeloop.kinds import POD
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey
from kyma_harness.node.annotations import ADDRESSES, SIMULATED
from kyma_harness.node.sandbox import Sandbox

log = get_logger(__name__)
_FIELD_MANAGER = "process-node"
_RETRY_SECONDS = 0.5


class PodApi:
    """Write to the pod of this uid and to no other: a pod of the same name may have taken its place.

    Methods raise NotFoundError when the pod is gone and ConflictError when another has its name.
    """

    def __init__(self, client: Client, pod: Object) -> None:
        self.key = ObjectKey.of(pod)
        self._client = client
        self._uid = pod["metadata"]["uid"]
        self._annotated: Mapping[str, str] = {}
        self._annotating = asyncio.Lock()

    async def apply_status(self, status: Object) -> None:
        """Own and set the status' fields, by server-side apply: conditions of others stay theirs."""
        metadata = {"name": self.key.name, "namespace": self.key.namespace, "uid": self._uid}
        await self._client.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status},
            field_manager=_FIELD_MANAGER, force=True, subresource="status",
        )  # fmt: skip

    async def annotate(self, sandbox: Sandbox) -> None:
        """Say where the pod's ports are to be found, and which containers are only simulated.

        Nothing is written that was written already; what could not be written is tried anew by the next call.
        """
        async with self._annotating:
            annotations = {ADDRESSES: json.dumps(sandbox.addresses)} if sandbox.ports else {}
            if sandbox.simulated:
                annotations[SIMULATED] = ",".join(sorted(sandbox.simulated))
            if annotations == self._annotated:
                return
            patch: dict[str, Any] = {"metadata": {"uid": self._uid, "annotations": annotations}}
            await self._client.merge_patch(POD, self.key.name, patch, namespace=self.key.namespace)
            self._annotated = annotations

    async def remove(self) -> None:
        """Let the object go: nothing of the pod runs any longer. Finalizers of others may keep it."""
        await self._client.delete(
            POD, self.key.name, namespace=self.key.namespace, uid=self._uid, grace_period_seconds=0
        )


class StatusWriter:
    """Write one pod's status whenever it was touched, only what has changed and only the newest.

    `picture` computes the status from the one that was sent last.
    """

    def __init__(self, api: PodApi, picture: Callable[[Mapping[str, Any]], Object]) -> None:
        self._api = api
        self._picture = picture
        self._sent: Object = {}
        self._silent = False
        self._theirs: Mapping[str, str] = {}
        self._touched = asyncio.Event()
        self._touched.set()

    def touch(self) -> None:
        """Say that the status may have changed."""
        self._touched.set()

    def seen(self, status: Mapping[str, Any]) -> None:
        """Take in what the API server has: a condition of ours that somebody else set is written again.

        The node controller does so where it takes the node for dead.
        """
        self._theirs = _verdicts(status)
        self.touch()

    def silence(self) -> None:
        """Write nothing any more: what happens from now on is not to be known."""
        self._silent = True

    async def run(self) -> None:
        """Write until cancelled, or until the pod is gone."""
        while True:
            await self._touched.wait()
            self._touched.clear()
            try:
                await self.flush()
            except NotFoundError:
                return
            except ControllerError as error:
                log.warning("pod status not written", pod=str(self._api.key), error=str(error))
                await self._again()
            except Exception:
                # Whatever it is: a pod of which nothing is told looks as if it were still to come.
                log.exception("pod status not written", pod=str(self._api.key))
                await self._again()

    async def flush(self) -> None:
        """Write the status as it is now, if it differs from what was written last."""
        status = self._picture(self._sent)
        stands = status == self._sent and _verdicts(status).items() <= self._theirs.items()
        if not stands and not self._silent:
            await self._api.apply_status(status)
            self._sent = status

    async def _again(self) -> None:
        await asyncio.sleep(_RETRY_SECONDS)
        self._touched.set()


def _verdicts(status: Mapping[str, Any]) -> dict[str, str]:
    """Return each condition's status, without times and reasons."""
    return {one["type"]: one["status"] for one in status.get("conditions") or ()}
