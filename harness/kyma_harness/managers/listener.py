"""Take events from outside, each of which asks for one pass (contract 2.8)."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from json import JSONDecodeError

from aiohttp import web

from kubeloop.resource import ObjectKey

SHUTDOWN_LIMIT = 1.0


@asynccontextmanager
async def listening(
    address: str | None, manager: str, enqueue: Callable[[ObjectKey], None]
) -> AsyncIterator[None]:
    """Answer ``POST /v1/<manager>/event`` while within; the owner in the body names what is enqueued."""
    if address is None:
        yield
        return

    async def take(request: web.Request) -> web.Response:
        key = await _owner(request)
        enqueue(key)
        return web.Response(text=f"a pass on {key} is due\n")

    application = web.Application()
    application.router.add_post(f"/v1/{manager}/event", take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_LIMIT)
    await runner.setup()
    try:
        host, _, port = address.rpartition(":")
        await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
        yield
    finally:
        await runner.cleanup()


async def _owner(request: web.Request) -> ObjectKey:
    try:
        owner = (await request.json())["owner"]
        return ObjectKey(str(owner["Namespace"]), str(owner["Name"]))
    except (JSONDecodeError, KeyError, TypeError):
        raise web.HTTPBadRequest(text='expected {"owner": {"Name": "…", "Namespace": "…"}}\n') from None
