"""What JetStream holds, asked of a real server and of answers that cannot be trusted."""

import asyncio
import shutil
import sysconfig

import nats
import pytest
from aiohttp import web
from manager_watching import PATIENCE

from eventing_manager.errors import JetStreamError
from eventing_manager.jetstream import Monitoring, Stream, merged, read_streams, undelivered
from kyma_harness.host.ports import PortPool
from kyma_harness.host.process import spawn


@pytest.fixture
async def server(tools, tmp_path):
    """A NATS server with JetStream; yields the URLs of its client port and of its monitoring."""
    executable = shutil.which("nats-server", path=f"{tools.folder}:{sysconfig.get_path('scripts')}")
    configuration = tmp_path / "nats.conf"
    configuration.write_text("jetstream { max_memory_store: 1Mi, max_file_store: 1Gi }")
    with PortPool() as ports:
        port, monitoring = ports.reserve(), ports.reserve()
        child = await spawn(
            [executable, f"--config={configuration}", f"--store_dir={tmp_path}", "--addr=127.0.0.1",
             f"--port={port}", f"--http_port={monitoring}"],
            name="nats-server", env={}, cwd=tmp_path, stdout=tmp_path / "log",
        )  # fmt: skip
        try:
            yield f"nats://127.0.0.1:{port}", f"http://127.0.0.1:{monitoring}"
        finally:
            await child.terminate(5)


@pytest.fixture
async def connection(server):
    connected = await nats.connect(
        server[0], connect_timeout=PATIENCE, max_reconnect_attempts=2400, reconnect_time_wait=0.05
    )
    yield connected
    await connected.close()


async def test_what_nobody_has_received_is_counted_by_the_kind_of_stream(server, connection):
    jetstream = connection.jetstream(timeout=PATIENCE)
    for name, retention in {"kept": "limits", "work": "workqueue", "read": "limits"}.items():
        await jetstream.add_stream(name=name, subjects=[f"{name}.>"], retention=retention)
        for number in range(3):
            await jetstream.publish(f"{name}.{number}", b"x")
    reader = await jetstream.pull_subscribe("read.>", "reader")
    for message in await reader.fetch(2, timeout=PATIENCE):
        await message.ack_sync(timeout=PATIENCE)

    async with Monitoring(server[1]) as monitoring:
        found = await monitoring.streams(1)

    assert sorted((stream.name, stream.undelivered) for stream in found) == [
        ("kept", 3),
        ("read", 1),
        ("work", 3),
    ]


@pytest.mark.parametrize("storage", ["file", "memory"])
async def test_a_stream_in_memory_is_told_from_one_on_disk(server, connection, storage):
    await connection.jetstream(timeout=PATIENCE).add_stream(name="s", subjects=["s.>"], storage=storage)

    async with Monitoring(server[1]) as monitoring:
        (stream,) = await monitoring.streams(1)

    assert stream.is_in_memory is (storage == "memory")


async def test_a_message_that_is_delivered_and_not_acknowledged_counts(server, connection):
    jetstream = connection.jetstream(timeout=PATIENCE)
    await jetstream.add_stream(name="read", subjects=["read.>"])
    await jetstream.publish("read.1", b"x")
    reader = await jetstream.pull_subscribe("read.>", "reader")
    await reader.fetch(1, timeout=PATIENCE)

    async with Monitoring(server[1]) as monitoring:
        (stream,) = await monitoring.streams(1)

    assert stream.undelivered == 1


async def test_a_server_with_jetstream_passes_the_check(server, connection):
    async with Monitoring(server[1]) as monitoring:
        await monitoring.check()

    assert connection.is_connected


async def answered(body, *, status=200, ask=lambda monitoring: monitoring.streams(1)):
    """Ask a server that answers everything with this."""

    async def answer(_request):
        return web.Response(text=body, status=status)

    return await served(answer, ask=ask)


async def served(answer, *, ask=lambda monitoring: monitoring.streams(1)):
    """Ask a server that answers by a function."""
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        url = f"http://{host}:{port}"
        async with Monitoring(url, f"{url}/{{ordinal}}") as monitoring:
            return await ask(monitoring)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ("", 200, "not JSON"),
        ("<html>", 200, "not JSON"),
        ("[]", 200, "not as NATS does"),
        ("{}", 200, "not as NATS does"),
        ('{"server_id": "S"}', 200, "lacks"),
        ('{"server_id": "S", "streams": 0, "disabled": true}', 200, "disabled"),
        ('{"server_id": "S", "streams": 2, "account_details": []}', 200, "2 of 2 streams"),
        (
            (
                '{"server_id": "S", "streams": 1,'
                ' "account_details": [{"name": "$G", "stream_detail": [{"name": "s"}]}]}'
            ),
            200,
            "lacks",
        ),
        ("try later", 503, "503"),
    ],
)
async def test_an_answer_that_cannot_be_relied_on_is_an_error(body, status, part):
    with pytest.raises(JetStreamError, match=part):
        await answered(body, status=status)


class Starting:
    """A server that is about to find its streams: each question is answered from its own script."""

    def __init__(self, *, health, processes=("A", "A")):
        self._health = health
        self._processes = iter(processes)

    async def answer(self, request):
        if request.path == "/healthz":
            return web.Response(status=self._health)
        answer = {"server_id": next(self._processes), "streams": 0, "account_details": []}
        return web.json_response(answer)


async def test_a_server_that_knows_no_streams_once_it_has_started_holds_nothing():
    assert await served(Starting(health=200).answer) == []


@pytest.mark.parametrize(
    ("server", "part"),
    [
        (Starting(health=500), "healthz cannot be asked: 500"),
        (Starting(health=200, processes=("A", "B")), "restarted meanwhile"),
    ],
)
async def test_a_server_that_may_not_have_found_its_streams_yet_is_not_believed(server, part):
    with pytest.raises(JetStreamError, match=part):
        await served(server.answer)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ('{"server_id": "S", "disabled": true}', "disabled"),
        ('{"server_id": "S", "meta_cluster": {"name": "c"}}', "no leader"),
    ],
)
async def test_a_jetstream_that_does_not_work_fails_the_check(body, part):
    with pytest.raises(JetStreamError, match=part):
        await answered(body, ask=lambda monitoring: monitoring.check())


async def test_of_several_servers_each_is_asked_at_its_own_address():
    async def answer(request):
        ordinal = request.path.split("/")[1]
        stream = {
            "name": f"of-{ordinal}",
            "state": {"messages": 1},
            "config": {"retention": "limits", "storage": "file"},
        }
        details = [{"name": "$G", "stream_detail": [stream]}]
        return web.json_response({"server_id": ordinal, "streams": 1, "account_details": details})

    found = await served(answer, ask=lambda monitoring: monitoring.streams(3))

    assert [stream.name for stream in found] == ["of-0", "of-1", "of-2"]


async def test_nobody_there_is_an_error():
    with PortPool() as ports:
        async with Monitoring(f"http://127.0.0.1:{ports.reserve()}") as monitoring:
            with pytest.raises(JetStreamError, match="cannot be asked"):
                await asyncio.wait_for(monitoring.check(), timeout=PATIENCE)


def test_of_the_replicas_of_a_stream_the_one_that_knows_most_counts():
    streams = [
        Stream(account="$G", name="a", undelivered=1),
        Stream(account="$G", name="b", undelivered=0),
        Stream(account="$G", name="a", undelivered=4),
        Stream(account="other", name="a", undelivered=2),
    ]

    found = merged(streams)

    assert [(str(stream), stream.undelivered) for stream in found] == [
        ("$G/a", 4),
        ("$G/b", 0),
        ("other/a", 2),
    ]


def test_the_slowest_consumer_counts():
    stream = {
        "name": "s",
        "state": {"messages": 9},
        "config": {"retention": "limits"},
        "consumer_detail": [
            {"num_pending": 1, "num_ack_pending": 1},
            {"num_pending": 3, "num_ack_pending": 2},
        ],
    }

    assert undelivered(stream) == 5


def test_a_server_without_accounts_holds_nothing():
    assert read_streams({"server_id": "S", "streams": 0}) == []
