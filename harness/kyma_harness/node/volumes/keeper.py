"""Set up a pod's volumes however long that takes, and keep them up to date afterwards."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from kubeloop.errors import ControllerError
from kubeloop.logs import get_logger
from kubeloop.queue import Backoff
from kyma_harness.host.errors import HarnessError
from kyma_harness.node.grace import Grace
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.volumes.sources import config_references
from kyma_harness.node.volumes.volumes import Volumes

log = get_logger(__name__)
_SET_UP_AGAIN = Backoff(base=0.2, maximum=5.0)
# What was mounted stays while it cannot be refreshed, so there is no hurry.
_REFRESH_AGAIN = Backoff(base=2.0, maximum=60.0)


class VolumeKeeper:
    """Look after one pod's volumes; `failed` hears each reason why they cannot be set up or refreshed."""

    def __init__(
        self, volumes: Volumes, tokens: PodTokens, facts: PodFacts, *, failed: Callable[[str], None]
    ) -> None:
        self._volumes = volumes
        self._tokens = tokens
        self._name = f"{facts.namespace}/{facts.name}"
        self._failed = failed
        self._references = config_references(facts.pod)
        self._asked = asyncio.Event()
        self._giving_up = Grace()

    def concerns(self, kind: str, name: str) -> bool:
        """Tell whether the pod refers to a ConfigMap or Secret of its namespace."""
        return (kind, name) in self._references

    def ask(self) -> None:
        """Have a look at the volumes' sources now: one of them has changed."""
        self._asked.set()

    def give_up(self) -> None:
        """Do not set anything up any more, whatever is being waited for: the pod is to end."""
        self._giving_up.ask(0)

    async def set_up(self) -> bool:
        """Set up all volumes, trying again until it works; return False when given up before."""
        async with self._giving_up.until_asked():
            await self._set_up()
        return not self._giving_up.is_asked

    async def _set_up(self) -> None:
        failures = 0
        while True:
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
                return
            failures += 1
            await self._wait(_SET_UP_AGAIN.delay(failures))

    async def keep(self) -> None:
        """Refresh configuration volumes when asked and tokens in time, until cancelled.

        A volume that cannot be refreshed keeps what it holds and is tried again, ever more slowly.
        """
        failures = 0
        while True:
            await self._wait(_REFRESH_AGAIN.delay(failures) if failures else self._tokens.seconds_left)
            self._asked.clear()
            reasons = await self._volumes.refresh()
            for reason in reasons:
                self._failed(reason)
            failures = failures + 1 if reasons else 0

    async def _wait(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()


def shown_to_containers(pod: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what a downwardAPI volume may show and what may change in a pod's life."""
    return pod["metadata"].get("labels"), pod["metadata"].get("annotations")
