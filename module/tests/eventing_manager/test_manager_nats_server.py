"""What the chart renders, read by real NATS servers."""

import asyncio
import json
import re
from contextlib import suppress

import nats
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from manager_watching import PATIENCE
from nats_servers import mounted, servers

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
REFUSAL = "-ERR 'Authorization Violation'"
BCRYPT = re.compile(r"\$2[abxy]\$\d{2}\$")


@pytest.fixture
async def started(tools, helm, backend_chart, tmp_path):
    async with servers(tools=tools, helm=helm, chart=backend_chart, folder=tmp_path) as made:
        yield made


async def connects(started, user, password):
    """Connect as a client does, and raise where it is turned away."""
    connection = await nats.connect(
        f"nats://127.0.0.1:{started.port(0, 'client')}",
        user=user,
        password=password,
        connect_timeout=PATIENCE,
        allow_reconnect=False,
    )
    await connection.close()


async def answer_to(started, user, password):
    """Say the first words of a client, and return the answer: the library leaves its socket open then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", started.port(0, "client"))
    async with asyncio.timeout(PATIENCE):
        await reader.readline()
        login = json.dumps({"verbose": False, "user": user, "pass": password})
        writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
        answer = (await reader.readline()).decode().strip()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return answer


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(user=TEXT, password=TEXT, draining=st.booleans())
@example(user="eventing", password="q\"u\\o'te", draining=False)
@example(user="eventing", password="zero\u200bwidth", draining=False)
@example(user="eventing", password="zero\u200bwidth", draining=True)
@example(user="$POD_NAME", password="$POD_NAME", draining=False)
@example(user=" ", password=" a b\t", draining=False)
@example(user="ü", password="пароль 😀", draining=True)
@example(user="{", password="\x00\x07\x7f\x80\u2028\ufeff", draining=False)
@example(user="1", password="123", draining=True)
@example(user="true", password="\\u200b \\x41 \n\r", draining=False)
@example(user="a", password="$2a$1", draining=False)
@example(user="a", password="<<", draining=False)
@example(user="b", password="b" * 1024, draining=False)
async def test_a_name_and_a_password_reach_nats_byte_for_byte(started, user, password, draining):
    if BCRYPT.match(password):
        return  # the manager refuses it: NATS takes it for a hash
    auth = {"user": user, "password": password}

    await started.start(0, mounted(await started.rendered(auth=auth, draining=draining)))
    await started.until_ready(0)
    await connects(started, user, password)
    answers = [
        await answer_to(started, *who)
        for who in ((user, password), (user, f"{password}x"), (f"{user}x", password))
    ]
    await started.stop(0)

    assert answers == ["PONG", REFUSAL, REFUSAL]
