import asyncio
import socket
import struct
from contextlib import asynccontextmanager

import pytest
from eventually import PATIENCE

from kyma_harness.host.ports import PortPool
from kyma_harness.node.addresses import Address
from kyma_harness.node.network.forwarder import Forwarder


@asynccontextmanager
async def a_server(name):
    """Answer each connection with the server's name and whatever was sent, once that has ended."""

    async def answer(reader, writer):
        writer.write(name + b":" + await reader.read())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield Address(*server.sockets[0].getsockname())


async def asked(port, question=b"hi"):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def forwarder():
    with PortPool() as ports:
        made = Forwarder(ports.reserve())
        yield made
        await made.close()


async def test_a_connection_reaches_the_target_both_ways(forwarder):
    async with a_server(b"one") as target:
        await forwarder.set_targets([target])

        assert await asked(forwarder.port) == b"one:hi"


async def test_targets_take_turns(forwarder):
    async with a_server(b"one") as one, a_server(b"two") as two:
        await forwarder.set_targets([one, two])

        assert {await asked(forwarder.port) for _ in range(2)} == {b"one:hi", b"two:hi"}


async def test_a_target_that_is_gone_is_passed_over(forwarder):
    async with a_server(b"one") as gone:
        pass
    async with a_server(b"two") as two:
        await forwarder.set_targets([gone, two])

        assert {await asked(forwarder.port) for _ in range(2)} == {b"two:hi"}


async def test_without_targets_connections_are_refused(forwarder):
    async with a_server(b"one") as target:
        await forwarder.set_targets([target])
        await forwarder.set_targets([])

        with pytest.raises(ConnectionRefusedError):
            await asked(forwarder.port)


async def test_large_answers_arrive_whole(forwarder):
    question = bytes(1_000_000)
    async with a_server(b"one") as target:
        await forwarder.set_targets([target])

        assert await asked(forwarder.port, question) == b"one:" + question


async def test_a_connection_that_the_target_resets_is_ended(forwarder):
    async def reset(_, writer):
        linger_not = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        await forwarder.set_targets([Address(*server.sockets[0].getsockname())])
        reader, writer = await asyncio.open_connection("127.0.0.1", forwarder.port)

        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""

        writer.close()
        await writer.wait_closed()
