"""What JetStream holds, asked of a real server and of answers that cannot be trusted."""

import asyncio
import shutil
import sysconfig
from contextlib import suppress

import nats
import pytest
from aiohttp import web
from manager_nats_servers import mounted, servers
from manager_watching import PATIENCE
from nats.js.api import AckPolicy, ConsumerConfig

from eventing_manager.errors import JetStreamError
from eventing_manager.observe.jetstream import Monitoring, covers, read_streams
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


async def test_three_servers_tell_together_what_was_received(tools, helm, backend_chart, tmp_path):
    async with servers(tools=tools, helm=helm, chart=backend_chart, folder=tmp_path) as made:
        files = mounted(await made.rendered(auth={"user": "u", "password": "p", "salt": "s"}, replicas=3))
        for ordinal in range(3):
            await made.start(ordinal, files)
        await made.until_ready(0, 1, 2)
        client = await nats.connect(
            f"nats://127.0.0.1:{made.port(0, 'client')}", user="u", password="p", connect_timeout=PATIENCE
        )
        jetstream = client.jetstream(timeout=PATIENCE)
        await jetstream.add_stream(name="orders", subjects=["orders.>"], num_replicas=3)
        # One of the servers has it, and the two others know nothing of it.
        config = ConsumerConfig(durable_name="reader", num_replicas=1, ack_policy=AckPolicy.EXPLICIT)
        await jetstream.add_consumer("orders", config)
        for number in range(5):
            await jetstream.publish(f"orders.{number}", b"x")
        reader = await jetstream.pull_subscribe("orders.>", "reader")
        for message in await reader.fetch(5, timeout=PATIENCE):
            await message.ack_sync(timeout=PATIENCE)
        urls = {ordinal: f"http://127.0.0.1:{made.port(ordinal, 'monitor')}" for ordinal in range(3)}
        async with Monitoring(urls[0], server_urls=urls) as monitoring:
            received = await until_told(monitoring, 0)
            await jetstream.publish("orders.late", b"x")
            late = await until_told(monitoring, 1)
            await client.close()
            await made.stop(2)
            with pytest.raises(JetStreamError, match="cannot be asked"):
                await monitoring.streams(3)

    assert [(str(told), told.gap) for told in (*received, *late)] == [("$G/orders", "")] * 2


async def until_told(monitoring, undelivered):
    """Return the streams once so much is told: a replica may know of a message a moment late."""
    async with asyncio.timeout(PATIENCE):
        while sum(told.undelivered for told in await monitoring.streams(3)) != undelivered:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return await monitoring.streams(3)


@pytest.mark.parametrize("filters", [["orders.1"], ["orders.1", "orders.2"]])
async def test_what_a_filter_leaves_out_was_not_received(server, connection, filters):
    jetstream = connection.jetstream(timeout=PATIENCE)
    await jetstream.add_stream(name="orders", subjects=["orders.>"])
    for number in range(5):
        await jetstream.publish(f"orders.{number}", b"x")
    await jetstream.add_consumer("orders", ConsumerConfig(durable_name="reader", filter_subjects=filters))
    reader = await jetstream.pull_subscribe_bind("reader", "orders")
    for message in await reader.fetch(len(filters), timeout=PATIENCE):
        await message.ack_sync(timeout=PATIENCE)

    async with Monitoring(server[1]) as monitoring:
        (stream,) = await monitoring.streams(1)

    assert (stream.undelivered, stream.gap) == (5, "no consumer asks for orders.>")


async def test_what_was_delivered_for_the_last_time_and_never_acknowledged_was_not_received(
    server, connection
):
    jetstream = connection.jetstream(timeout=PATIENCE)
    await jetstream.add_stream(name="orders", subjects=["orders.>"])
    await jetstream.publish("orders.1", b"x")
    config = ConsumerConfig(durable_name="reader", max_deliver=1, ack_wait=0.1)
    await jetstream.add_consumer("orders", config)
    reader = await jetstream.pull_subscribe_bind("reader", "orders")
    await reader.fetch(1, timeout=PATIENCE)
    async with asyncio.timeout(PATIENCE):
        while (await jetstream.consumer_info("orders", "reader")).num_ack_pending:
            with suppress(TimeoutError):
                await reader.fetch(1, timeout=0.3)

    async with Monitoring(server[1]) as monitoring:
        (stream,) = await monitoring.streams(1)

    assert stream.undelivered == 1


async def test_nobody_there_is_an_error():
    with PortPool() as ports:
        async with Monitoring(f"http://127.0.0.1:{ports.reserve()}") as monitoring:
            with pytest.raises(JetStreamError, match="cannot be asked"):
                await asyncio.wait_for(monitoring.check(), timeout=PATIENCE)


def consumer(name="c", pending=0, unacknowledged=0, **config):
    """Return a consumer as a server tells of it; by default one that asks for everything."""
    return {
        "name": name,
        "config": {"deliver_policy": "all", "ack_policy": "explicit", **config},
        "num_pending": pending, "num_ack_pending": unacknowledged,
        "delivered": {"stream_seq": 0}, "ack_floor": {"stream_seq": 0},
    }  # fmt: skip


def stream(*consumers, name="s", messages=9, first=1, **config):
    return {
        "name": name,
        "config": {"retention": "limits", "storage": "file", "subjects": ["a.*", "b"], **config},
        "state": {"messages": messages, "first_seq": first, "first_ts": "2022-12-24T12:00:00.123456789Z"},
        "consumer_detail": list(consumers),
    }


def answer(*streams):
    return {"server_id": "S", "streams": len(streams), "account_details": [
        {"name": "$G", "stream_detail": list(streams)},
    ]}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "undelivered", "gap"),
    [
        (stream(), 9, "it has no consumer"),
        (stream(consumer(pending=2, unacknowledged=1)), 3, ""),
        (stream(consumer("c", 1, 1), consumer("d", 3, 2)), 7, ""),
        (stream(consumer(filter_subject="a.1")), 9, "no consumer asks for a.*"),
        (stream(consumer(filter_subject="a.*")), 9, "no consumer asks for b"),
        (stream(consumer("c", filter_subject="a.*"), consumer("d", filter_subject="b")), 0, ""),
        (stream(consumer(filter_subjects=["a.>", "b"], pending=1)), 1, ""),
        (stream(consumer(filter_subject=">")), 0, ""),
        (stream(consumer(deliver_policy="new")), 9, "consumer c has not asked for all of it"),
        (stream(consumer(deliver_policy="last")), 9, "consumer c has not asked for all of it"),
        (stream(consumer(deliver_policy="last_per_subject")), 9, "consumer c has not asked for all of it"),
        (stream(consumer(deliver_policy="by_start_sequence", opt_start_seq=1)), 0, ""),
        (stream(consumer(deliver_policy="by_start_sequence", opt_start_seq=5), first=5), 0, ""),
        (stream(consumer(deliver_policy="by_start_sequence", opt_start_seq=5)), 9, "has not asked"),
        (stream(consumer(deliver_policy="by_start_time", opt_start_time="2022-12-24T11:59:59Z")), 0, ""),
        (
            stream(consumer(deliver_policy="by_start_time", opt_start_time="2022-12-24T12:00:01Z")),
            9,
            "consumer c",
        ),
        (stream(consumer(ack_policy="none")), 9, "acknowledges nothing"),
        (stream(consumer("late", 9, deliver_policy="new"), consumer("c")), 9, ""),
        # Nobody can tell by the settings which subjects messages have that come from elsewhere.
        (stream(consumer(filter_subjects=["a.*", "b"]), mirror={"name": "o"}), 9, "asks for >"),
        (
            stream(consumer(filter_subjects=["a.*", "b"]), sources=[{"name": "o"}]),
            9,
            "no consumer asks for >",
        ),
        (stream(consumer(), mirror={"name": "o"}), 0, ""),
        (stream(consumer(), retention="workqueue", messages=4), 4, ""),
        (stream(consumer(), retention="interest", messages=4), 4, ""),
        (stream(messages=0), 0, ""),
    ],
)
def test_what_nobody_has_received_of_a_stream(found, undelivered, gap):
    (told,) = read_streams([answer(found)])

    assert told.undelivered == undelivered
    assert gap in told.gap
    assert bool(told.gap) is bool(gap)


def test_what_was_delivered_as_often_as_allowed_was_not_received():
    exhausted = {**consumer(), "delivered": {"stream_seq": 9}, "ack_floor": {"stream_seq": 4}}

    (told,) = read_streams([answer(stream(exhausted))])

    assert told.undelivered == 5


def test_a_server_without_a_replica_of_a_consumer_says_nothing_about_it():
    found = read_streams([answer(stream()), answer(stream(consumer(pending=0))), answer(stream())])

    assert [(told.name, told.undelivered, told.gap) for told in found] == [("s", 0, "")]


def test_of_the_replicas_of_a_consumer_the_one_with_most_to_deliver_counts():
    replicas = [stream(consumer(pending=pending), messages=9) for pending in (0, 4, 1)]

    (told,) = read_streams([answer(replica) for replica in replicas])

    assert told.undelivered == 4


def test_a_stream_without_a_leader_cannot_be_relied_on():
    leaderless = {**stream(consumer()), "cluster": {"name": "c", "leader": ""}}

    with pytest.raises(KeyError, match="leader"):
        read_streams([answer(leaderless)])


@pytest.mark.parametrize(
    ("filters", "subject", "is_covered"),
    [
        (["a"], "a", True),
        (["a"], "*", False),
        (["*"], "a", True),
        (["*"], "a.b", False),
        ([">"], "a.*.>", True),
        (["a.>"], "a.*.b", True),
        (["a.>"], "a", False),
        (["a.*", "a.*.>"], "a.>", True),
        (["a.*", "a.*.*"], "a.>", False),
        (["a.*", "a.*.*", "a.*.*.>"], "a.>", True),
        (["a.b", "a.c"], "a.*", False),
        (["a.*.>"], "a.>", False),
        ([], "a", False),
    ],
)
def test_filters_together_cover_a_subject(filters, subject, is_covered):
    assert covers(filters, subject) is is_covered


def test_a_server_without_accounts_holds_nothing():
    assert read_streams([{"server_id": "S", "streams": 0}]) == []
