"""Probes and hooks ask as a kubelet does: its headers, no redirection to strangers, any answer to a hook."""

import asyncio
import os
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from node_builders import container, facts

from kyma_harness.host.ports import PortPool
from kyma_harness.node.addresses import Address
from kyma_harness.node.containers.handlers import Handlers, Target
from kyma_harness.node.containers.launch import Launch
from kyma_harness.node.containers.view import Rewritten
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.volumes.mounts import Mounts

OUT_OF_HERE = "https://login.example.org/"


class Server:
    """Answers as told, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.answers = {}

    async def handle(self, request):
        self.asked.append(request)
        status, headers = self.answers.get(request.path, (200, {}))
        return web.Response(status=status, headers=headers, text="a body with a secret in it")

    @property
    def headers(self):
        """The headers of the only request, as often as each was sent."""
        (request,) = self.asked
        return list(request.headers.items())


@asynccontextmanager
async def listening(server):
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield Address(*site._server.sockets[0].getsockname())
    await runner.cleanup()


@pytest.fixture
async def server():
    return Server()


@pytest.fixture
async def asking(server, tmp_path):
    """Ask a container whose port 8080 is served by the server."""
    async with listening(server) as address, aiohttp.ClientSession() as session:
        sandbox = Sandbox(
            facts=facts(),
            folder=tmp_path,
            volumes=None,
            pool=PortPool(),
            ports={8080: address, 8081: address},
        )
        launch = Launch(argv=(), env=dict(os.environ), cwd=tmp_path, view=Rewritten(Mounts({})))
        spec = container(
            ports=[{"name": "http", "containerPort": 8080}], env=[{"name": "WORD", "value": "hi"}]
        )
        target, handlers = Target(pid=0, container=spec, launch=launch, sandbox=sandbox), Handlers(session)

        async def probe(limit=10, **handler):
            return await handlers.probe(handler, target, limit=limit)

        async def hook(**handler):
            return await handlers.run_hook(handler, target)

        yield {"probe": probe, "hook": hook, "port": address.port}


def get(path="/", *headers, **fields):
    pairs = [{"name": name, "value": value} for name, value in headers]
    return {"path": path, "port": "http", "httpHeaders": pairs, **fields}


async def test_a_probe_sends_the_headers_of_a_kubelet_and_no_others(server, asking):
    answer = await asking["probe"](httpGet=get("/a?b=c"))

    assert answer.success
    assert server.headers == [
        ("Host", f"127.0.0.1:{asking['port']}"), ("User-Agent", "kube-probe/1.37"), ("Accept", "*/*"),
    ]  # fmt: skip
    assert server.asked[0].path_qs == "/a?b=c"


async def test_headers_are_sent_as_they_are_given_and_as_often(server, asking):
    given = [
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("user-agent", "mine"),
        ("Accept", ""),
        ("Host", "example.org"),
    ]

    await asking["probe"](httpGet=get("/", *given))

    assert [(name, value) for name, value in server.headers if name == "X-Twice"] == [
        ("X-Twice", "a"), ("X-Twice", "b"),
    ]  # fmt: skip
    rest = {name.lower(): value for name, value in server.headers if name != "X-Twice"}
    assert rest == {"user-agent": "mine", "host": "example.org"}


@pytest.mark.parametrize(
    "location", [OUT_OF_HERE, "http://localhost:1/", "http://127.0.0.1:1/", "//a.example/"]
)
async def test_a_redirection_to_a_stranger_is_a_success_with_a_warning(server, asking, location):
    server.answers["/"] = (302, {"Location": location})

    answer = await asking["probe"](httpGet=get())

    assert answer.success
    assert answer.message.startswith("Probe terminated redirects, Response body: a body")
    assert len(server.asked) == 1


@pytest.mark.parametrize("location", ["/ok", "ok", "http://127.0.0.1:{port}/ok", "http://127.0.0.1:8081/ok"])
@pytest.mark.parametrize(("status", "success"), [(200, True), (500, False)])
async def test_a_redirection_within_the_pod_is_followed(server, asking, location, status, success):
    server.answers["/"] = (302, {"Location": location.format(port=asking["port"])})
    server.answers["/ok"] = (status, {})

    answer = await asking["probe"](httpGet=get())

    assert answer.success is success
    assert [request.path for request in server.asked] == ["/", "/ok"]


async def test_redirections_in_a_circle_end(server, asking):
    server.answers["/"] = (302, {"Location": "/"})

    answer = await asking["probe"](httpGet=get())

    assert (answer.success, answer.message) == (False, "stopped after 10 redirects")


async def test_a_failure_tells_the_code_and_not_the_body(server, asking):
    server.answers["/"] = (503, {})

    answer = await asking["probe"](httpGet=get())

    assert (answer.success, answer.message) == (False, "HTTP probe failed with statuscode: 503")


async def test_a_header_that_cannot_be_sent_is_a_failed_answer(asking):
    answer = await asking["probe"](httpGet=get("/", ("X", "a\nb")))

    assert not answer.success


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_hook_has_done_its_part_with_any_answer(server, asking, status):
    server.answers["/"] = (status, {})

    answer = await asking["hook"](httpGet=get())

    assert answer.success
    assert ("User-Agent", "kube-lifecycle/1.37") in server.headers


async def test_a_hook_by_https_falls_back_to_http_without_its_credentials(server, asking):
    answer = await asking["hook"](httpGet=get("/", ("Authorization", "secret"), ("X", "y"), scheme="HTTPS"))

    assert answer.success
    names = [name for name, _ in server.headers]
    assert "X" in names
    assert "Authorization" not in names


async def test_a_command_of_a_probe_knows_the_values_that_are_written_in_the_container(asking):
    answer = await asking["probe"](exec={"command": ["sh", "-c", 'test "$0" = hi', "$(WORD)"]})

    assert answer.success


async def test_what_takes_too_long_is_a_failed_answer(asking):
    answer = await asking["probe"](limit=0.1, exec={"command": ["sleep", "600"]})

    assert (answer.success, answer.message) == (False, "no answer within 0.1 s")


async def test_a_hook_may_sleep(asking):
    sleeping = asyncio.create_task(asking["hook"](sleep={"seconds": 0}))

    assert (await sleeping).success


async def test_a_handler_that_is_not_known_says_so(asking):
    answer = await asking["probe"](grpc={"port": 1})

    assert answer.message == "the process node knows httpGet, tcpSocket and exec only, not grpc"
