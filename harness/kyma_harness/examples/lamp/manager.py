"""The Lamp module's manager: while there is a Lamp, a ConfigMap of its name holds its light."""

import argparse
import asyncio
import os
import signal
from contextlib import suppress

from kubeloop.client import Client
from kubeloop.controller import Controller, Result
from kubeloop.errors import NotFoundError
from kubeloop.kinds import CONFIG_MAP
from kubeloop.logs import configure_logging, get_logger
from kubeloop.reflector import Reflector
from kubeloop.resource import Kind, Object, ObjectKey, generation_of, has_finalizer, is_deleting
from kubeloop.runtime import Runtime, RuntimeSettings

LAMP = Kind.parse("example.com/v1", "Lamp")
FINALIZER = "example.com/lamp"
log = get_logger(__name__)


class LampReconciler:
    """Switch lights on and off."""

    def __init__(self, client: Client, colour: str) -> None:
        self._client = client
        self._colour = colour

    async def reconcile(self, key: ObjectKey) -> Result:
        try:
            lamp = await self._client.get(LAMP, key.name, key.namespace)
        except NotFoundError:
            return Result()
        if is_deleting(lamp):
            await self._switch_off(lamp, key)
        else:
            await self._switch_on(lamp, key)
        return Result()

    async def _switch_on(self, lamp: Object, key: ObjectKey) -> None:
        if not has_finalizer(lamp, FINALIZER):
            finalizers = [*lamp["metadata"].get("finalizers", []), FINALIZER]
            lamp = await self._client.update(
                {**lamp, "metadata": {**lamp["metadata"], "finalizers": finalizers}}
            )
        await self._client.apply(self._light(lamp, key), field_manager="lamp-manager")
        log.info("light is on", lamp=str(key), watts=lamp["spec"]["watts"])
        status = {"state": "Ready", "observedGeneration": generation_of(lamp)}
        if lamp.get("status") != status:
            await self._client.update({**lamp, "status": status}, subresource="status")

    async def _switch_off(self, lamp: Object, key: ObjectKey) -> None:
        with suppress(NotFoundError):
            await self._client.delete(CONFIG_MAP, key.name, namespace=key.namespace)
        lamp["metadata"]["finalizers"] = [one for one in lamp["metadata"]["finalizers"] if one != FINALIZER]
        await self._client.update(lamp)

    def _light(self, lamp: Object, key: ObjectKey) -> Object:
        data = {"watts": str(lamp["spec"]["watts"]), "colour": self._colour}
        metadata = {"name": key.name, "namespace": key.namespace}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def main(probes: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Client.from_environment(user_agent="lamp-manager") as client:
        controller = Controller("lamp", LampReconciler(client, os.environ["COLOUR"]).reconcile, kind=LAMP)

        def enqueue(old: Object | None, new: Object | None) -> None:
            controller.enqueue(ObjectKey.of(new or old or {}))

        lamps = Reflector(client, LAMP, on_change=enqueue)
        settings = RuntimeSettings(health_address=probes, drain=2)
        await Runtime(reflectors=[lamps], controllers=[controller], settings=settings).run(stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--probes", default=":8081")
    configure_logging()
    asyncio.run(main(parser.parse_args().probes))
