import json

import pytest
from node_builders import Issuer, facts

from kubeloop.errors import UnreachableError
from kyma_harness.node.identity.tokens import PodTokens, write_kubeconfig


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


async def test_a_token_is_asked_for_the_pod_and_its_service_account():
    clock = Clock()
    issuer, known = Issuer(clock), facts()

    token = await PodTokens(issuer, known, clock=clock).token("vault", 600)

    assert token == "token-1"
    assert issuer.requests == [("robot", "shop", ("vault",), 600, known.pod)]


async def test_without_an_audience_the_api_server_is_meant():
    clock = Clock()
    issuer = Issuer(clock)

    await PodTokens(issuer, facts(), clock=clock).token(None, 600)

    assert issuer.requests[0][2] == ()


async def test_a_token_is_kept_until_four_fifths_of_its_life_are_over():
    clock = Clock()
    tokens = PodTokens(Issuer(clock, lifetime=100), facts(), clock=clock)
    first = await tokens.token(None, 100)

    clock.now += 79
    before = await tokens.token(None, 100)
    clock.now += 2
    after = await tokens.token(None, 100)

    assert (first, before, after) == ("token-1", "token-1", "token-2")


async def test_the_next_renewal_is_that_of_the_first_token_due():
    clock = Clock()
    tokens = PodTokens(Issuer(clock, lifetime=100), facts(), clock=clock)
    assert tokens.seconds_left is None

    await tokens.token(None, 100)
    clock.now += 10
    await tokens.token("vault", 100)

    assert tokens.seconds_left == 70


async def test_a_long_token_is_renewed_daily():
    clock = Clock()
    tokens = PodTokens(Issuer(clock, lifetime=365 * 24 * 3600), facts(), clock=clock)

    await tokens.token(None, 3607)

    assert tokens.seconds_left == 24 * 3600


async def test_a_token_that_cannot_be_renewed_is_used_for_as_long_as_it_is_good():
    clock = Clock()
    issuer = Issuer(clock, lifetime=100)
    tokens = PodTokens(issuer, facts(), clock=clock)
    await tokens.token(None, 100)
    issuer.is_away = True

    clock.now += 81
    kept, again_in = await tokens.token(None, 100), tokens.seconds_left
    clock.now += 20
    with pytest.raises(UnreachableError):
        await tokens.token(None, 100)

    assert kept == "token-1"
    assert again_in == 10


async def test_a_token_that_is_granted_for_no_time_is_not_asked_for_at_once_again():
    tokens = PodTokens(Issuer(Clock(), lifetime=-5), facts(), clock=Clock())

    await tokens.token(None, 600)

    assert tokens.seconds_left == 10


def test_the_kubeconfig_points_to_the_token_instead_of_holding_it(tmp_path):
    path = tmp_path / "run" / "kubeconfig"

    write_kubeconfig(path, server="https://127.0.0.1:6443", folder=tmp_path / "sa", namespace="shop")

    content = json.loads(path.read_text())
    assert content["users"][0]["user"] == {"tokenFile": str(tmp_path / "sa" / "token")}
    assert content["contexts"][0]["context"]["namespace"] == "shop"
    assert path.stat().st_mode & 0o777 == 0o600
