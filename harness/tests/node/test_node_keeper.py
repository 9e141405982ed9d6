"""Volumes are kept fresh one by one, and nothing is asked for in a hurry. All times are the loop's."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from node_builders import Claims, Issuer, Objects, facts, pod

from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.volumes.keeper import VolumeKeeper
from kyma_harness.node.volumes.payload import Payload
from kyma_harness.node.volumes.volumes import Volumes

pytestmark = pytest.mark.looptime
TOKEN = {"projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}]}}


def volume(name, **source):
    return {"name": name, **(source or {"configMap": {"name": name}})}


class Kept:
    """A pod's volumes while they are kept."""

    def __init__(self, folder, api, *volumes):
        clock = asyncio.get_running_loop().time
        known = facts(pod(volumes=volumes))
        self.issuer, self.failures, self.folder = Issuer(clock), [], folder
        tokens = PodTokens(self.issuer, known, clock=clock)
        payload = Payload(known, api, tokens)
        directories = Volumes(known, folder, payload=payload, claims=Claims(folder))
        self.keeper = VolumeKeeper(directories, tokens, known, failed=self.failures.append)

    def read(self, volume, name):
        return (self.folder / volume / name).read_text()


@asynccontextmanager
async def keeping(folder, api, *volumes):
    kept = Kept(folder, api, *volumes)
    await kept.keeper.set_up()
    task = asyncio.create_task(kept.keeper.keep())
    yield kept
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_config_map_that_is_gone_holds_up_neither_the_others_nor_the_token(tmp_path):
    api = Objects(ConfigMap_a={"data": {"key": "1"}}, ConfigMap_b={"data": {"key": "1"}})
    async with keeping(tmp_path, api, volume("a"), volume("b"), volume("access", **TOKEN)) as kept:
        del api.objects["ConfigMap_a"]
        api.objects["ConfigMap_b"] = {"data": {"key": "2"}}
        kept.keeper.ask()
        await asyncio.sleep(1)
        assert (kept.read("a", "key"), kept.read("b", "key")) == ("1", "2")

        await asyncio.sleep(3600)
        assert kept.read("access", "token") == "token-2"
        assert 'volume "a": configmap "a" not found' in kept.failures[-1]


async def test_what_cannot_be_read_is_asked_for_ever_more_slowly(tmp_path):
    api = Objects(ConfigMap_a={"data": {"key": "1"}})
    async with keeping(tmp_path, api, volume("a")) as kept:
        del api.objects["ConfigMap_a"]
        kept.keeper.ask()
        await asyncio.sleep(600)
        reads = api.reads

        api.objects["ConfigMap_a"] = {"data": {"key": "2"}}
        await asyncio.sleep(100)

        assert reads < 20
        assert kept.read("a", "key") == "2"


async def test_a_token_that_is_due_while_the_api_server_is_away_is_not_asked_for_in_a_hurry(tmp_path):
    api = Objects(ConfigMap_a={"data": {"key": "1"}})
    async with keeping(tmp_path, api, volume("a"), volume("access", **TOKEN)) as kept:
        kept.issuer.is_away = True
        await asyncio.sleep(7200)
        reads = api.reads

        kept.issuer.is_away = False
        await asyncio.sleep(100)

        assert reads < 200
        assert kept.read("access", "token") == "token-2"


async def test_a_volume_that_hangs_holds_up_no_other(tmp_path):
    api = Objects(ConfigMap_a={"data": {"key": "1"}}, ConfigMap_b={"data": {"key": "1"}})
    async with keeping(tmp_path, api, volume("a"), volume("b")) as kept:
        api.hanging = "a"
        api.objects["ConfigMap_b"] = {"data": {"key": "2"}}
        kept.keeper.ask()
        await asyncio.sleep(1)

        assert kept.read("b", "key") == "2"
