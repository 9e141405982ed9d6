from pathlib import Path

import pytest
import yaml
from eventually import eventually
from node_builders import Issuer, facts
from pod_builders import a_pod, shell
from pod_rig import running_pod

from kubeloop.errors import UnreachableError
from kyma_harness.node.identity.tokens import SERVICE_ACCOUNT_FOLDER, PodTokens


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


async def test_the_kubeconfig_points_to_the_token_instead_of_holding_it(tmp_path):
    seen = tmp_path / "seen"
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}
    volume = {"name": "access", "projected": {"sources": [token]}}
    mount = {"name": "access", "mountPath": SERVICE_ACCOUNT_FOLDER}
    script = f"cp -p $KUBECONFIG {seen}.new; mv {seen}.new {seen}; exec sleep 600"
    of = a_pod(shell(script, volumeMounts=[mount]))
    of["spec"]["volumes"] = [volume]

    async with running_pod(of, tmp_path) as rig:
        await eventually(seen.exists)
        content = yaml.safe_load(seen.read_text())
        (user,) = content["users"]
        (context,) = content["contexts"]
        held = Path(user["user"]["tokenFile"]).read_text()  # noqa: ASYNC240 - one look
        rig.delete(grace=1)
        await rig.until_gone()

    assert held == "token-1"
    assert content["clusters"][0]["cluster"]["server"] == rig.api.server
    assert context["context"]["namespace"] == of["metadata"]["namespace"]
    assert seen.stat().st_mode & 0o777 == 0o600
