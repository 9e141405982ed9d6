"""The Lamp's manager, as it runs in a cluster of broken modules: some colours are more than it can bear."""

import argparse
import asyncio

import lamp_manager  # the example's own, put beside this file
from lamp_manager import LampReconciler

from kubeloop.logs import configure_logging
from kubeloop.resource import Object, ObjectKey


class Broken(LampReconciler):
    """Never Ready in one colour, never off in another; in a third it has a bulb that nobody can run."""

    async def _switch_on(self, lamp: Object, key: ObjectKey) -> None:
        if self._colour not in ("never", "operand"):
            await super()._switch_on(lamp, key)
            return
        if self._colour == "operand":
            await self._client.apply(bulb(), field_manager="lamp-manager")
        lamp_manager.log.info("waiting for the light", lamp=str(key))
        if lamp.get("status") != (status := {"state": "Processing"}):
            await self._client.update({**lamp, "status": status}, subresource="status")

    async def _switch_off(self, lamp: Object, key: ObjectKey) -> None:
        if self._colour == "stubborn":
            raise RuntimeError("the bulb is hot")
        await super()._switch_off(lamp, key)


def bulb() -> Object:
    """Return what no owner reference leads to, and whose image no rule knows."""
    labels = {"app": "bulb"}
    containers = [{"name": "bulb", "image": "registry.example.com/bulb:2"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bulb", "namespace": "lamps"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--probes", default=":8081")
    configure_logging()
    lamp_manager.LampReconciler = Broken
    asyncio.run(lamp_manager.main(parser.parse_args().probes))
