"""Set up a pod's volumes however long that takes, and keep them up to date afterwards."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from kubeloop.errors import ControllerError
from kubeloop.logs import get_logger
from kyma_harness.host.errors import HarnessError
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.volumes.sources import config_references
from kyma_harness.node.volumes.volumes import Volumes

log = get_logger(__name__)
_RETRY = 0.2
_RETRY_LONGEST = 5.0
_REFRESH_RETRY = 2.0


class VolumeKeeper:
    """Look after one pod's volumes; `failed` hears each reason why they cannot be set up."""

    def __init__(
        self, volumes: Volumes, tokens: PodTokens, facts: PodFacts, *, failed: Callable[[str], None]
    ) -> None:
        self._volumes = volumes
        self._tokens = tokens
        self._name = f"{facts.namespace}/{facts.name}"
        self._failed = failed
        self._references = config_references(facts.pod)
        self._asked = asyncio.Event()
        self._given_up = False

    def concerns(self, kind: str, name: str) -> bool:
        """Tell whether the pod refers to a ConfigMap or Secret of its namespace."""
        return (kind, name) in self._references

    def ask(self) -> None:
        """Have a look at the volumes' sources now: one of them has changed."""
        self._asked.set()

    def give_up(self) -> None:
        """Do not set anything up any more: the pod is to end."""
        self._given_up = True
        self._asked.set()

    async def set_up(self) -> bool:
        """Set up all volumes, trying again until it works; return False when given up before."""
        pause = _RETRY
        while not self._given_up:
            self._asked.clear()
            try:
                await self._volumes.set_up()
            except (HarnessError, ControllerError) as error:
                self._failed(str(error))
            except Exception as error:
                # Whatever it is: a pod that cannot have its volumes is told, tried again, and can be deleted.
                log.exception("volumes not set up", pod=self._name)
                self._failed(repr(error))
            else:
                return True
            await self._wait(pause)
            pause = min(2 * pause, _RETRY_LONGEST)
        return False

    async def keep(self) -> None:
        """Refresh configuration volumes when asked and tokens in time, until cancelled."""
        while True:
            due = self._tokens.renew_at
            await self._wait(None if due is None else max(0.0, due - time.time()))
            self._asked.clear()
            try:
                await self._volumes.refresh()
            except (HarnessError, ControllerError) as error:
                # What was mounted stays: a kubelet does not take a volume away for a ConfigMap that is gone.
                log.debug("volumes not refreshed", pod=self._name, error=str(error))
                asyncio.get_running_loop().call_later(_REFRESH_RETRY, self._asked.set)

    async def _wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()


def shown_to_containers(pod: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what a downwardAPI volume may show and what may change in a pod's life."""
    return pod["metadata"].get("labels"), pod["metadata"].get("annotations")
