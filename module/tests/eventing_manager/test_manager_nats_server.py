"""What the chart renders, read by real NATS servers: who may connect, and who may join."""

import asyncio
import hashlib
import json
import re
from contextlib import suppress

import nats
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from manager_nats_servers import by_kind, decoded, mounted, servers
from manager_watching import PATIENCE

SALT = "0123456789abcdefghijklmnopqrstuv"
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
    auth = {"user": user, "password": password, "salt": SALT}

    await started.start(0, mounted(await started.rendered(auth=auth, draining=draining)))
    await started.until_ready(0)
    await connects(started, user, password)
    answers = [
        await answer_to(started, *who)
        for who in ((user, password), (user, f"{password}x"), (f"{user}x", password))
    ]
    await started.stop(0)

    assert answers == ["PONG", REFUSAL, REFUSAL]


def template(objects):
    return by_kind(objects)["StatefulSet", "eventing-nats"]["spec"]["template"]


async def test_without_a_salt_everything_is_as_it_was_and_no_server_restarts(started):
    auth = {"user": "eventing", "password": "aB3%'x"}

    found = by_kind(objects := await started.rendered(auth=auth, replicas=3))

    # Of a release that knew no salt.
    assert template(objects)["metadata"]["annotations"] == {
        "checksum/auth": "03114a047bb81904fd824123d41cc632ec7685b008a5e2869e9252ec26ad3732",
        "checksum/config": "718a8c459391ea09f2262fee0c7d6e0fbc66b13e32b19bcff2413d34a81df538",
        "eventing-manager.kyma-project.io/draining": "false",
    }
    assert mounted(objects).keys() == {"nats.conf", "auth.conf"}
    assert decoded(found["Secret", "eventing-nats-auth"]).keys() == {
        "username", "password", "auth.conf", "draining.conf",
    }  # fmt: skip


@pytest.mark.parametrize("replicas", [1, 3])
async def test_a_salt_is_kept_in_the_secret_and_hides_a_weak_password(started, replicas):
    def digest(objects):
        return template(objects)["metadata"]["annotations"]["checksum/auth"]

    auth = {"user": "eventing", "password": "password"}
    objects = await started.rendered(auth={**auth, "salt": SALT}, replicas=replicas)
    others = await started.rendered(auth={**auth, "salt": "another"}, replicas=replicas)
    changed = await started.rendered(auth={**auth, "password": "1", "salt": SALT}, replicas=replicas)

    content = decoded(by_kind(objects)["Secret", "eventing-nats-auth"])
    assert content["salt"] == SALT
    assert ("cluster.conf" in content) is (replicas > 1)
    assert len({digest(objects), digest(others), digest(changed)}) == 3
    assert digest(objects) != hashlib.sha256(content["auth.conf"].encode()).hexdigest()


async def test_the_password_of_the_routes_is_in_the_secret_alone_and_outlives_that_of_clients(started):
    def cluster(objects):
        return decoded(by_kind(objects)["Secret", "eventing-nats-auth"])["cluster.conf"]

    auth = {"user": "eventing", "password": "one", "salt": SALT}
    objects = await started.rendered(auth=auth, replicas=3)
    changed = await started.rendered(auth={**auth, "password": "two"}, replicas=3)
    (password,) = re.findall(r'password: "(\w{64})"', cluster(objects))

    assert cluster(objects) == cluster(changed)
    assert cluster(objects).count(f"eventing-nats:{password}@eventing-nats-") == 3
    assert not [obj for obj in objects if obj["kind"] != "Secret" and password in str(obj)]
    assert not [obj for obj in objects if obj["kind"] != "Secret" and SALT in str(obj)]


NAMES = {f"eventing-nats-{ordinal}" for ordinal in range(3)}
INTRUDER = 7


async def form(started, files):
    for ordinal in range(3):
        await started.start(ordinal, files)
    await started.until_ready(0, 1, 2)


async def until_all_are_peers(started, ordinal):
    """Wait until a server has routes to the other two, and to no one else."""
    others = NAMES - {f"eventing-nats-{ordinal}"}

    async def is_peer_of_all():
        return await started.peers(ordinal) == others

    await started.until(is_peer_of_all, ordinal)


@pytest.mark.parametrize("login", ["", "eventing-nats:wrong@", "eventing:secret@"])
async def test_a_server_without_the_password_of_the_routes_joins_no_cluster(started, login):
    auth = {"user": "eventing", "password": "secret"}
    await form(started, mounted(await started.rendered(auth={**auth, "salt": SALT}, replicas=3)))
    routes = mounted(await started.rendered(auth=auth, replicas=3))
    routes["nats.conf"] = routes["nats.conf"].replace("nats://", f"nats://{login}")

    await started.start(INTRUDER, routes)

    async def refused():
        return started.log(INTRUDER).count("Authorization Violation") >= 3

    await started.until(refused, INTRUDER)
    assert await started.peers(INTRUDER) == set()
    for ordinal in range(3):
        await until_all_are_peers(started, ordinal)


OLD = {"user": "eventing", "password": "old"}


@pytest.mark.parametrize(
    ("before", "after"),
    [(OLD, {**OLD, "salt": SALT}), ({**OLD, "salt": SALT}, {**OLD, "password": "new", "salt": SALT})],
    ids=["a salt comes", "the clients' password changes"],
)
async def test_servers_that_restart_one_by_one_stay_a_cluster(started, before, after):
    await form(started, mounted(await started.rendered(auth=before, replicas=3)))
    files = mounted(await started.rendered(auth=after, replicas=3))

    for ordinal in (2, 1, 0):
        await started.stop(ordinal)
        await started.start(ordinal, files)
        await started.until_ready(ordinal)

    for ordinal in range(3):
        await until_all_are_peers(started, ordinal)
    await connects(started, "eventing", after["password"])
