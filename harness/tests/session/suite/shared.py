"""Tests that the tests of lifetimes run in a session of their own, in several workers."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

from kubeloop.kinds import CONFIG_MAP
from kyma_harness.kube.inventory import Inventory
from kyma_harness.kyma.contract import KCP_NAMESPACE
from kyma_harness.wait.eventually import eventually

MEETING = Path(os.environ["MEETING"])
"""A folder that the workers have in common."""
MINE = f"ConfigMap {KCP_NAMESPACE}/mine"


@contextmanager
def nobody_else_has(thing: str):
    """Fail if another process is in such a block of the same name."""
    file = MEETING / f"{thing}.taken"
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL)
    yield
    os.close(descriptor)
    file.unlink()


def meet(me: str, other: str, within: float = 400) -> None:
    """Wait until the other test is at this point as well."""
    (MEETING / f"{me}.here").touch()
    deadline = time.monotonic() + within
    while not (MEETING / f"{other}.here").exists():
        assert time.monotonic() < deadline, f"{other} did not come: the two do not run side by side"
        time.sleep(0.02)


def put(api, namespace: str, name: str) -> None:
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})


def take_stock(kyma, api) -> None:
    """Have the Kyma alone, while objects of other tests come and go."""
    with nobody_else_has("kyma"):
        before = api.inventory()
        assert kyma.modules() == []
        put(api, KCP_NAMESPACE, "mine")
        # A namespace of another test may have come and gone between two of an inventory's lists.
        came = eventually(lambda: came_alone(api, before), f"{MINE} alone", within=60)
        api.delete(CONFIG_MAP, "mine", KCP_NAMESPACE)
    assert came == [MINE]


def came_alone(api, before: Inventory) -> list[str]:
    came = api.inventory().beyond(before)
    assert came == [MINE]
    return came
