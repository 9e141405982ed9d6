"""What the client makes of bytes, broken ones included."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from builders import PATIENCE, eventually
from fake_server import a_reflector, answers, event, status, streamed, watched
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeloop.client import Client, named
from kubeloop.client.jsonlines import JSONLines
from kubeloop.errors import (
    ApiError,
    ExpiredError,
    KindAbsentError,
    ServerError,
    TooManyRequestsError,
    UnreachableError,
)
from kubeloop.kinds import CONFIG_MAP
from kubeloop.resource import Kind

if TYPE_CHECKING:
    from kubeloop.reflector import Reflector


@pytest.fixture
async def client(server, tmp_path):
    path = server.write_kubeconfig(tmp_path / "kubeconfig", {"token": "secret"})
    async with Client.from_kubeconfig(path, user_agent="tests/1.0", timeout=PATIENCE) as opened:
        yield opened


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_documents_are_the_same_wherever_the_chunks_end(data):
    documents = [{"name": "grün"}, {"nested": {"list": [1, 2]}}, {"line": "a\nb"}]
    text = b"".join(json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    lines = JSONLines()

    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert [document for chunk in chunks for document in lines.feed(chunk)] == documents
    assert lines.is_complete


async def test_a_watch_puts_events_together_from_chunks(server, client):
    text = event("ADDED", "a", "11") + event("ADDED", "b", "12")

    async def split(request):
        return await streamed(request, text[:7], text[7:90], text[90:])

    server.on_watch = split

    assert await watched(client) == ["a", "b"]


async def test_a_watch_that_ends_in_the_middle_of_an_event_broke_off(server, client):
    async def broken(request):
        return await streamed(request, event("ADDED", "a", "11"), b'{"type": "ADD')

    server.on_watch = broken

    with pytest.raises(UnreachableError, match="in the middle of an event"):
        await watched(client)


async def test_a_watch_that_says_nothing_for_too_long_is_taken_for_dead(server, client):
    ended = asyncio.Event()

    async def silent(request):
        response = await streamed(request, event("ADDED", "a", "11"))
        await ended.wait()
        return response

    server.on_watch = silent

    with pytest.raises(UnreachableError):
        await watched(client, inactivity=0.2)
    ended.set()


async def test_an_error_event_is_raised(server, client):
    async def expired(request):
        line = {"type": "ERROR", "object": status(410, "Expired")}
        return await streamed(request, json.dumps(line).encode() + b"\n")

    server.on_watch = expired

    with pytest.raises(ExpiredError, match="for reasons of Expired"):
        await watched(client)


async def test_an_answer_that_never_comes_is_not_waited_for(server, client):
    ended = asyncio.Event()

    async def never(_request):
        await ended.wait()
        return web.Response()

    server.on_list = never

    with pytest.raises(UnreachableError, match=server.url):
        await client.request("GET", "/slow", timeout=0.2)
    ended.set()


async def test_where_nobody_listens_the_server_is_named(server, tmp_path):
    server.url = "http://127.0.0.1:1"
    path = server.write_kubeconfig(tmp_path / "kubeconfig", {"token": "secret"})

    async with Client.from_kubeconfig(path) as client:
        with pytest.raises(UnreachableError, match=r"the API server http://127\.0\.0\.1:1 cannot be reached"):
            await client.list(CONFIG_MAP)


async def test_a_refusal_without_a_status_object_keeps_its_text(server, client):
    server.on_list = answers(text="no healthy upstream", status=503)

    with pytest.raises(ServerError, match="503 Service Unavailable: no healthy upstream"):
        await client.list(CONFIG_MAP)


async def test_a_status_nobody_has_heard_of_is_an_error_all_the_same(server, client):
    server.on_list = answers(text="", status=499)

    with pytest.raises(ApiError, match="499 Unknown"):
        await client.list(CONFIG_MAP)


async def test_a_page_of_some_proxy_is_not_taken_for_an_answer(server, client):
    server.on_list = answers(text="<html>please log in</html>", content_type="text/html")

    with pytest.raises(UnreachableError, match="please log in"):
        await client.list(CONFIG_MAP)


async def test_a_busy_server_says_when_to_come_back(server, client):
    server.on_list = answers(text="", status=429, headers={"Retry-After": "7"})

    with pytest.raises(TooManyRequestsError) as caught:
        await client.list(CONFIG_MAP)

    assert caught.value.retry_after == 7


async def test_pages_that_expire_while_they_are_read_are_read_at_once(server, client):
    async def expiring(request):
        if "continue" in request.query:
            return web.json_response(status(410, "Expired"), status=410)
        more = {"continue": "next"} if "limit" in request.query else {}
        item = {"metadata": {"name": "a", "resourceVersion": "9"}}
        return web.json_response({"metadata": {"resourceVersion": "10", **more}, "items": [item]})

    server.on_list = expiring

    assert len((await client.list(CONFIG_MAP)).items) == 1


@pytest.mark.parametrize("group", ["../../api/v1/secrets", "a/b", "a?watch=true#", "..", "a b", "ü"])
async def test_the_name_of_a_group_cannot_lead_out_of_discovery(server, client, group):
    server.on_list = answers(status=404)

    with pytest.raises(KindAbsentError):
        await client.preferred(group, "Lamp")
    with pytest.raises(KindAbsentError):
        await client.served(Kind(group=group, version="v1/../..", kind="Lamp"))

    asked = [request.raw_path for request in server.requests]
    assert [path.count("/") for path in asked] == [2, 3]
    assert all(path.startswith("/apis/") and "?" not in path for path in asked)
    assert {"", ".", ".."}.isdisjoint(segment for path in asked for segment in path.split("/")[1:])


@pytest.mark.parametrize(("name", "selector"), [("a", "a"), ("a,b=c", r"a\,b\=c"), ("a\\", "a\\\\")])
async def test_the_selector_of_a_name_selects_that_name_alone(name, selector):
    assert named(name) == f"metadata.name={selector}"


async def test_every_request_says_who_asks(server, client):
    await client.list(CONFIG_MAP)

    assert {request.headers["User-Agent"] for request in server.requests} == {"tests/1.0"}
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}


async def until(server, watches: int, reflector: Reflector) -> None:
    """Run a reflector until so many watches were opened."""
    task = asyncio.create_task(reflector.run())
    await eventually(lambda: len(server.watched_from()) >= watches)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reflector_goes_on_from_the_last_event(server, client):
    async def one_event(request):
        return await streamed(request, event("ADDED", "a", "11"))

    server.on_watch = one_event

    reflector = a_reflector(client)
    await until(server, 2, reflector)

    assert (server.watched_from()[:2], server.lists(), reflector.interruptions) == (["10", "11"], 1, 0)


async def test_a_reflector_goes_on_from_a_bookmark(server, client):
    async def bookmark(request):
        return await streamed(request, event("BOOKMARK", "", "99"))

    server.on_watch = bookmark
    reflector = a_reflector(client)

    await until(server, 2, reflector)

    assert (server.watched_from()[:2], server.lists(), reflector.all()) == (["10", "99"], 1, [])


@pytest.mark.parametrize("code", [410, 429, 500])
async def test_a_reflector_lists_again_after_a_refused_watch(server, client, code):
    # 429 is how an API server says, just after its start, that its storage is not ready.
    async def refused(_request):
        return web.json_response(status(code, "Refused"), status=code)

    server.on_watch = refused
    reflector = a_reflector(client)

    await until(server, 2, reflector)

    assert server.lists() >= 2
    assert reflector.interruptions >= 1


async def test_a_reflector_lists_again_after_a_broken_connection(server, client):
    async def broken(request):
        return await streamed(request, b'{"type": "ADD')

    server.on_watch = broken

    await until(server, 2, a_reflector(client))

    assert server.lists() >= 2
