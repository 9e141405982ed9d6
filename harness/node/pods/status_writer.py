"""Report a pod's status to the API server, only what has changed and only the newest."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from controller.errors import ControllerError, NotFoundError
from controller.logs import get_logger
from controller.resource import Object
from harness.node.pods.api import PodApi

log = get_logger(__name__)
_RETRY_SECONDS = 0.5


class StatusWriter:
    """Write one pod's status whenever it was touched; `picture` computes it from the conditions sent last."""

    def __init__(self, api: PodApi, picture: Callable[[Mapping[str, Any]], Object]) -> None:
        self._api = api
        self._picture = picture
        self._sent: Object = {}
        self._silent = False
        self._touched = asyncio.Event()
        self._touched.set()

    def touch(self) -> None:
        """Say that the status may have changed."""
        self._touched.set()

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
                await asyncio.sleep(_RETRY_SECONDS)
                self._touched.set()

    async def flush(self) -> None:
        """Write the status as it is now, if it differs from what was written last."""
        known = {one["type"]: one for one in self._sent.get("conditions", ())}
        status = self._picture(known)
        if status != self._sent and not self._silent:
            await self._api.apply_status(status)
            self._sent = status
