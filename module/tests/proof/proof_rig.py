"""A manager behind a proxy, and the phases it is taken through."""

import asyncio

from proof_objects import EVENTING

from eventing_manager.api.names import FORCE_ANNOTATION
from kubeloop.resource import ObjectKey
from kyma_harness.wait.claims import is_gone
from kyma_harness.wait.waits import Target, wait_for

QUIET = 0.3
"""Seconds without a call that mean that there is nothing left to do."""

PATIENCE = 180.0


def is_work(call):
    """Select what a pass does: not the lease's clockwork, nor the watches."""
    return call.resource != "leases" and not call.is_watch


class Rig:
    """What every proof holds in its hands."""

    def __init__(self, client, proxy, manager):
        self.client = client
        self.proxy = proxy
        self.manager = manager

    def note(self, what):
        """Say what comes next, for whoever reads the output of a failed run."""
        print(what)  # noqa: T201 - pytest captures it

    async def take(self, phase, plan):
        """Take the manager through a phase under a plan, until it has nothing left to do."""
        with self.proxy.under(plan):
            await phase.act(self.client)
            await phase.settled(self.client)
            await self.until_idle()

    async def until_idle(self):
        """Wait until the manager watches everything and leads."""
        await self.until(lambda: self.manager.leads)
        await self.until_quiet()

    async def until_quiet(self, seconds=QUIET):
        """Wait until so many seconds pass without work."""
        record = self.proxy.record

        async def is_quiet():
            mark = len(record)
            await asyncio.sleep(seconds)
            return not record.count(is_work, since=mark)

        async with asyncio.timeout(PATIENCE):
            while not await is_quiet():
                pass

    async def clear(self):
        """Remove every Eventing whatever it holds, and wait for the manager to let them go."""
        force = {"metadata": {"annotations": {FORCE_ANNOTATION: "true"}}}
        for eventing in (await self.client.list(EVENTING)).items:
            key = ObjectKey.of(eventing)
            await self.client.merge_patch(EVENTING, key.name, force, namespace=key.namespace)
            await self.client.delete(EVENTING, key.name, namespace=key.namespace)
            target = Target(kind=EVENTING, name=key.name, namespace=key.namespace)
            await wait_for(self.client, target, is_gone(), what="be gone", within=PATIENCE)

    async def until(self, claim):
        """Wait for what no watch tells of."""
        async with asyncio.timeout(PATIENCE):
            while not claim():  # noqa: ASYNC110 - another process tells of nothing
                await asyncio.sleep(0.05)
