"""A registry that wants tokens gets one for each repository, from where it says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from kyma_harness.kyma.errors import RegistryRefusedError
from kyma_harness.oci.bundle import RAW_TYPE, Blob
from kyma_harness.oci.registry import Credentials, Location, connect

LAMP = Blob(media_type=RAW_TYPE, content=b"light")
SCOPE = "repository:unsigned/lamp:pull"


@asynccontextmanager
async def guarded_registry(asked: list[str], *, lives: int = 1000) -> AsyncIterator[str]:
    """A registry with one blob, which it gives for a token, so many times for each; yields host:port."""
    used: list[str] = []

    async def give_token(request: web.Request) -> web.Response:
        asked.append(request.query.get("scope", ""))
        if request.headers.get("Authorization") != aiohttp.encode_basic_auth("ada", "secret"):
            return web.Response(status=401)
        return web.json_response({"token": f"{len(asked)} for {request.query['scope']}"})

    async def answer(request: web.Request) -> web.Response:
        token = f"Bearer {len(asked)} for {SCOPE}"
        if request.headers.get("Authorization") == token and used.count(token) < lives:
            used.append(token)
            return web.Response(body=LAMP.content)
        realm = f"http://{request.host}/token"
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="tests"'}
        return web.Response(status=401, headers=challenge)

    application = web.Application()
    application.router.add_get("/token", give_token)
    application.router.add_get("/v2/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_token_is_fetched_once_for_each_repository():
    asked: list[str] = []
    async with guarded_registry(asked) as address:
        location = Location.parse(f"{address}/unsigned")
        async with connect(location, Credentials(user="ada", password="secret")) as registry:
            first = await registry.pull_blob("lamp", LAMP.digest)
            second = await registry.pull_blob("lamp", LAMP.digest)

    assert first == second == LAMP.content
    assert asked == [SCOPE]


async def test_who_gets_no_token_is_told_to_log_in():
    async with guarded_registry([]) as address, connect(Location.parse(f"{address}/unsigned")) as registry:
        with pytest.raises(RegistryRefusedError) as refused:
            await registry.pull_blob("lamp", LAMP.digest)

    assert "docker login" in str(refused.value)


async def test_a_token_that_has_expired_meanwhile_is_fetched_anew():
    asked: list[str] = []
    async with guarded_registry(asked, lives=1) as address:
        location = Location.parse(f"{address}/unsigned")
        async with connect(location, Credentials(user="ada", password="secret")) as registry:
            blobs = [await registry.pull_blob("lamp", LAMP.digest) for _ in range(3)]

    assert blobs == [LAMP.content] * 3
    assert asked == [SCOPE] * 3


async def test_a_token_that_never_lets_us_in_is_not_asked_for_again_and_again():
    asked: list[str] = []
    async with guarded_registry(asked, lives=0) as address:
        location = Location.parse(f"{address}/unsigned")
        async with connect(location, Credentials(user="ada", password="secret")) as registry:
            with pytest.raises(RegistryRefusedError, match="docker login"):
                await registry.pull_blob("lamp", LAMP.digest)

    assert asked == [SCOPE] * 2
