"""Report a pod's status to the API server, only what has changed and only the newest."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from kubeloop.errors import ControllerError, NotFoundError
from kubeloop.logs import get_logger
from kubeloop.resource import Object
from kyma_harness.node.pods.api import PodApi

log = get_logger(__name__)
_RETRY_SECONDS = 0.5


class StatusWriter:
    """Write one pod's status whenever it was touched; `picture` computes it from the conditions sent last."""

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

    async def _again(self) -> None:
        await asyncio.sleep(_RETRY_SECONDS)
        self._touched.set()

    async def flush(self) -> None:
        """Write the status as it is now, if it differs from what was written last."""
        known = {one["type"]: one for one in self._sent.get("conditions", ())}
        status = self._picture(known)
        stands = status == self._sent and _verdicts(status).items() <= self._theirs.items()
        if not stands and not self._silent:
            await self._api.apply_status(status)
            self._sent = status


def _verdicts(status: Mapping[str, Any]) -> dict[str, str]:
    """Return each condition's status, without times and reasons."""
    return {one["type"]: one["status"] for one in status.get("conditions") or ()}
