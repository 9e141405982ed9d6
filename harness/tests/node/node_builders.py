"""Builders with defaults for the process node's tests."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from kubeloop.errors import NotFoundError, UnreachableError
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.rules.rules import Rules
from kyma_harness.node.states import ContainerRecord, Running, Terminated, Waiting, now


def rules(text, *, source=Path("rules.yaml")):
    return Rules.parse(text, source=source)


def container(name="web", image="test/web:1", **fields):
    return {"name": name, "image": image, **fields}


def pod(*containers, name="web-0", namespace="shop", volumes=(), metadata=None, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": "uid-1", **(metadata or {})},
        "spec": {
            "nodeName": "process-node",
            "serviceAccountName": "robot",
            "containers": list(containers) or [container()],
            "volumes": list(volumes),
            **spec,
        },
    }


def facts(of=None):
    return PodFacts(
        pod=of or pod(), pod_ip="10.244.0.7", address="127.64.0.7", host_ip="127.0.0.1",
        allocatable={"cpu": "16", "memory": "64Gi"},
    )  # fmt: skip


def record(name="web", state=None, **fields):
    return ContainerRecord(
        name=name, image="test/web:1", state=state or Waiting("ContainerCreating"), **fields
    )


def running():
    return Running(now())


def ended(exit_code=0):
    return Terminated(
        exit_code=exit_code, reason="Error" if exit_code else "Completed",
        started_at=now(), finished_at=now(), container_id="process://1",
    )  # fmt: skip


class Objects:
    """A Getter over objects held in memory; it changes when the test changes it."""

    def __init__(self, **objects):
        self.objects = objects
        self.reads = 0
        self.hanging = None

    async def get(self, kind, name, namespace=None):
        self.reads += 1
        if name == self.hanging:
            await asyncio.get_running_loop().create_future()
        try:
            return self.objects[f"{kind.kind}_{name}"]
        except KeyError:
            raise NotFoundError(
                404, "NotFound", f"{kind.kind} {name} not found", method="GET", path=f"/{namespace}/{name}"
            ) from None


class Claims:
    """Claims whose directories lie beside each other."""

    def __init__(self, root):
        self.root = root

    async def directory(self, namespace, claim):
        path = self.root / namespace / claim
        path.mkdir(parents=True, exist_ok=True)
        return path


class Issuer:
    """A TokenRequest API that numbers its tokens and lets them live for an hour of the test's clock."""

    def __init__(self, clock, lifetime=3600):
        self.requests = []
        self.is_away = False
        self._clock = clock
        self._lifetime = lifetime

    async def create_token(
        self, service_account, namespace, *, audiences=(), expiration_seconds, bound_pod=None
    ):
        if self.is_away:
            raise UnreachableError("https://127.0.0.1:1", "connection refused")
        self.requests.append((service_account, namespace, tuple(audiences), expiration_seconds, bound_pod))
        expires = datetime.fromtimestamp(self._clock() + self._lifetime, UTC).isoformat()
        return {"status": {"token": f"token-{len(self.requests)}", "expirationTimestamp": expires}}
