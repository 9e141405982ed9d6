"""An upload may take as long as it needs, while it moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from kyma_harness.kyma.errors import RegistryDownError
from kyma_harness.oci.bundle import RAW_TYPE, Blob
from kyma_harness.oci.registry import Body, Location, connect, while_it_moves

LAYER = Blob(media_type=RAW_TYPE, content=bytes(20_000_000))
"""More than the buffers of a connection take."""


@asynccontextmanager
async def a_registry(go_on: asyncio.Event, taken: list[int]) -> AsyncIterator[str]:
    """A registry that takes an upload when it is told to; yields host:port."""

    async def take(request: web.Request) -> web.Response:
        nonlocal taken
        await go_on.wait()
        taken += [len(piece) async for piece in request.content.iter_any()]
        return web.Response(status=201)

    async def begin(request: web.Request) -> web.Response:
        return web.Response(status=202, headers={"Location": f"http://{request.host}/upload"})

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=404 if request.method == "HEAD" else 200)

    application = web.Application(client_max_size=1 << 30)
    application.router.add_put("/upload", take)
    application.router.add_post("/v2/{path:.*}", begin)
    application.router.add_route("*", "/v2/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        go_on.set()
        await runner.cleanup()


@pytest.mark.looptime
async def test_what_moves_may_take_for_ever() -> None:
    async with while_it_moves(60) as moved:
        body = Body(b"x" * 100, moved)
        for _ in range(100):
            body.read(1)
            await asyncio.sleep(59)

    assert asyncio.get_running_loop().time() > 5000


@pytest.mark.looptime
async def test_what_does_not_move_any_more_is_given_up() -> None:
    async def stall() -> None:
        async with while_it_moves(60) as moved:
            Body(b"x", moved).read()
            await asyncio.sleep(61)

    with pytest.raises(TimeoutError):
        await stall()


async def test_a_large_layer_arrives_as_a_whole() -> None:
    go_on, taken = asyncio.Event(), list[int]()
    go_on.set()
    async with a_registry(go_on, taken) as address, connect(Location.parse(address)) as registry:
        await registry.push_blob("lamp", LAYER)

    assert sum(taken) == len(LAYER.content)


async def test_a_registry_that_takes_nothing_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, taken = asyncio.Event(), list[int]()
    async with a_registry(go_on, taken) as address, connect(Location.parse(address)) as registry:
        monkeypatch.setattr("kyma_harness.oci.registry.SECONDS", 0.3)

        with pytest.raises(RegistryDownError, match=r"PUT blob sha256.*nothing moved for 0.3 s: is it still"):
            await registry.push_blob("lamp", LAYER)

    assert sum(taken) < len(LAYER.content)
