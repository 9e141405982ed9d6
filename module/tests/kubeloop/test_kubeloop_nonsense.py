"""What is no answer of an API server is an error that says so, and ends no watch."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from builders import PATIENCE, eventually
from fake_server import a_reflector, answers, event, streamed, watched

from kubeloop.client import Client
from kubeloop.errors import ApiError, ServerError, TooManyRequestsError, UnreachableError
from kubeloop.kinds import CONFIG_MAP
from kubeloop.resource import ObjectKey


@pytest.fixture
async def client(server, tmp_path):
    path = server.write_kubeconfig(tmp_path / "kubeconfig", {"token": "secret"})
    async with Client.from_kubeconfig(path, user_agent="tests/1.0", timeout=PATIENCE) as opened:
        yield opened


def names_of(reflector) -> set[str]:
    return {obj["metadata"]["name"] for obj in reflector.all()}


NOT_UTF8 = "Gr\xfc\xdfe vom Proxy".encode("latin-1")


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=hex", "application/json"])
async def test_a_page_in_another_encoding_is_a_refusal_like_any_other(server, client, content_type):
    server.on_list = server.on_watch = answers(
        body=NOT_UTF8, status=502, headers={"Content-Type": content_type}
    )

    with pytest.raises(ServerError, match="502 Bad Gateway: Gr.*e vom Proxy"):
        await client.list(CONFIG_MAP)
    with pytest.raises(ServerError, match="502 Bad Gateway: Gr.*e vom Proxy"):
        await watched(client)


NESTED = b"[" * 100_000


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"5", b"null", b'"text"', b"{}", NESTED, b"\xff\xfe",
        b'{"type": "ADDED"}', b'{"type": "ADDED", "object": null}', b'{"type": "ADDED", "object": {}}',
        b'{"type": "ADDED", "object": {"metadata": []}}',
        b'{"type": "ADDED", "object": {"metadata": {"name": "a"}}}',
        b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "1"}}}',
        b'{"type": "BOOKMARK", "object": {"metadata": {}}}',
        b'{"type": 5, "object": {"metadata": {"name": "a", "resourceVersion": "1"}}}',
        b'{"object": {"metadata": {"name": "a", "resourceVersion": "1"}}}',
    ],
    ids=lambda line: line[:60].decode(errors="replace"),
)  # fmt: skip
async def test_an_event_that_is_none_breaks_the_watch_off(server, client, line):
    async def broken(request):
        return await streamed(request, event("ADDED", "a", "11"), line + b"\n")

    server.on_watch = broken

    with pytest.raises(UnreachableError):
        await watched(client)


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"code": "many"},
        {"code": -1, "message": ["text"]},
        {"code": 429, "details": []},
        {"code": 429, "details": {"retryAfterSeconds": "soon"}},
        {"code": 429, "details": {"retryAfterSeconds": -7}},
        {"reason": {"text": 1}},
    ],
)
async def test_an_error_in_another_shape_is_an_error_of_the_api(server, client, error):
    async def failing(request):
        line = {"type": "ERROR", "object": error}
        return await streamed(request, json.dumps(line).encode() + b"\n")

    server.on_watch = failing
    server.on_list = answers(text=json.dumps({"kind": "Status", **error}), status=429)

    with pytest.raises(ApiError):
        await watched(client)
    with pytest.raises(TooManyRequestsError) as refused:
        await client.list(CONFIG_MAP)
    assert refused.value.retry_after is None


@pytest.mark.parametrize(
    "document",
    [
        "[]", "5", "null", '"text"', "{}", NESTED.decode(),
        '{"metadata": {}}', '{"metadata": []}',
        '{"metadata": {"resourceVersion": "1"}, "items": {}}',
        '{"metadata": {"resourceVersion": "1"}, "items": [5]}',
        '{"metadata": {"resourceVersion": "1"}, "items": [{}]}',
        '{"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {}}]}',
    ],
    ids=lambda document: document[:60],
)  # fmt: skip
async def test_a_list_that_is_none_is_no_answer(server, client, document):
    server.on_list = answers(text=document, content_type="application/json")

    with pytest.raises(UnreachableError):
        await client.list(CONFIG_MAP)


@pytest.mark.parametrize(
    "document", ["[]", "5", "null", '"text"', NESTED.decode()], ids=lambda text: text[:9]
)
async def test_an_object_that_is_none_is_no_answer(server, client, document):
    server.on_list = answers(text=document, content_type="application/json")

    with pytest.raises(UnreachableError):
        await client.get(CONFIG_MAP, "a", "default")


@pytest.mark.parametrize(
    "document",
    ["[]", "{}", '{"resources": 5}', '{"resources": [{}]}', '{"resources": [{"kind": "ConfigMap"}]}'],
)
async def test_a_discovery_that_is_none_is_no_answer(server, client, document):
    server.resources = document

    with pytest.raises(UnreachableError):
        await client.list(CONFIG_MAP)


@pytest.mark.parametrize("document", ["[]", "{}", '{"versions": [{}]}'])
async def test_versions_of_a_group_that_are_none_are_no_answer(server, client, document):
    server.on_list = answers(text=document, content_type="application/json")

    with pytest.raises(UnreachableError):
        await client.preferred("example.com", "Lamp")


@pytest.mark.parametrize("header", ["soon", "²", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_that_is_no_number_is_ignored(server, client, header):
    server.on_list = answers(text="", status=429, headers={"Retry-After": header})

    with pytest.raises(TooManyRequestsError) as refused:
        await client.list(CONFIG_MAP)

    assert refused.value.retry_after is None


async def one_object(_request):
    item = {"metadata": {"name": "a", "namespace": "default", "resourceVersion": "9"}}
    return web.json_response({"metadata": {"resourceVersion": "10"}, "items": [item]})


@pytest.mark.parametrize("where", ["on_list", "on_watch"])
@pytest.mark.parametrize(
    "broken",
    [
        answers(body=NOT_UTF8, status=502, content_type="text/html"),
        answers(text="[]", content_type="application/json"),
        answers(body=NESTED, content_type="application/json"),
        answers(text="{}", content_type="application/json", headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_a_reflector_outlives_a_server_that_answers_nonsense(server, client, where, broken):
    good = {"on_list": one_object, "on_watch": server.quiet_watch}
    server.on_list, server.on_watch = good["on_list"], good["on_watch"]
    setattr(server, where, broken)
    reflector = a_reflector(client)
    task = asyncio.create_task(reflector.run())
    await eventually(lambda: reflector.interruptions > 1)

    setattr(server, where, good[where])

    await eventually(lambda: names_of(reflector) == {"a"})
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reflector_outlives_a_token_that_cannot_be_read(server, tmp_path):
    server.on_list = one_object
    path = server.write_kubeconfig(tmp_path / "kubeconfig", {"tokenFile": "token"})
    async with Client.from_kubeconfig(path) as client:
        reflector = a_reflector(client)
        task = asyncio.create_task(reflector.run())
        await eventually(lambda: reflector.interruptions > 1)

        (tmp_path / "token").write_text("now")

        await eventually(lambda: names_of(reflector) == {"a"})
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_reflector_outlives_a_namespace_that_makes_no_path(server, client):
    server.on_list = one_object
    reflector = a_reflector(client)
    reflector.follow(ObjectKey("kube-system/secrets", "a"))
    task = asyncio.create_task(reflector.run())
    await eventually(lambda: reflector.interruptions > 1)

    reflector.follow(ObjectKey("default", "a"))

    await eventually(lambda: names_of(reflector) == {"a"})
    assert {request.path for request in server.requests} == {
        "/api/v1",
        "/api/v1/namespaces/default/configmaps",
    }
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
