"""Report a pod's status to the API server, only what has changed and only the newest."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from controller.client import Client
from controller.errors import ConflictError, ControllerError, NotFoundError
from controller.logs import get_logger
from controller.resource import Object, ObjectKey

log = get_logger(__name__)
_RETRY_SECONDS = 0.5
_FIELD_MANAGER = "process-node"


class StatusWriter:
    """Write one pod's status whenever it was touched, by server-side apply: what others own stays theirs."""

    def __init__(self, client: Client, pod: Object, picture: Callable[[Mapping[str, Any]], Object]) -> None:
        self._client = client
        self._identity: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {key: pod["metadata"][key] for key in ("name", "namespace", "uid")},
        }
        self._picture = picture
        self._sent: Object = {}
        self._silent = False
        self._touched = asyncio.Event()
        self._touched.set()

    def silence(self) -> None:
        """Write nothing any more: what happens from now on is not to be known."""
        self._silent = True

    def touch(self) -> None:
        """Say that the status may have changed."""
        self._touched.set()

    async def run(self) -> None:
        """Write until cancelled, or until the pod is gone."""
        while True:
            await self._touched.wait()
            self._touched.clear()
            try:
                await self.flush()
            except (NotFoundError, ConflictError):
                return  # gone, or replaced by a pod of the same name with another uid
            except ControllerError as error:
                log.warning("pod status not written", pod=self._name, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
                self._touched.set()

    async def flush(self) -> None:
        """Write the status as it is now, if it differs from what was written last."""
        known = {one["type"]: one for one in self._sent.get("conditions", ())}
        status = self._picture(known)
        if status != self._sent and not self._silent:
            await self._client.apply(
                {**self._identity, "status": status},
                field_manager=_FIELD_MANAGER, force=True, subresource="status",
            )  # fmt: skip
            self._sent = status

    @property
    def _name(self) -> str:
        return str(ObjectKey.of(self._identity))
