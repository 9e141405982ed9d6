"""Where commands happen: a rig, the model of what has to come of them, and the program so far."""

import asyncio
import base64
import json
from contextlib import ExitStack, suppress

from proof_commands import Settle
from proof_look import ADOPT, DEFINITIONS, where
from proof_mailbox import Mailbox
from proof_model import World
from proof_objects import CR_NAMESPACE, EVENTING, NAMESPACE

from kubeloop.applyset import PART_OF_LABEL
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.kinds import CRD, PVC, SECRET
from kubeloop.resource import ObjectKey
from kyma_harness.wait.claims import has_condition, is_gone
from kyma_harness.wait.waits import Target, wait_for

PATIENCE = 120.0
"""Seconds until the cluster has to be what the model says."""

PAUSE = 0.1
OF_NATS = "app.kubernetes.io/name=nats"
USER = "a-user"
FORCE = "eventing-manager.kyma-project.io/force"
EVENTMESH_SECRET = {"name": "eventing-backend", "namespace": NAMESPACE}
CREDENTIALS_OF_EVENTMESH = {
    "clientid": "c", "clientsecret": "s", "granttype": "client_credentials", "tokenendpoint": "https://token",
}  # fmt: skip
ENDPOINT = {"broker": {"type": "saprestmgw"}, "uri": "https://publish", "oa2": CREDENTIALS_OF_EVENTMESH}
CONTENTS = {
    "good": {"namespace": "/sap/kyma/1", "messaging": json.dumps([ENDPOINT])},
    "malformed": {"namespace": "/sap/kyma/1"},
}
TAMPERED = {
    "ConfigMap": {"data": {"nats.conf": "broken", "more": "of it"}},
    "Secret": {"data": {"auth.conf": base64.b64encode(b"nobody may come in").decode()}},
    "Service": {"spec": {"sessionAffinity": "ClientIP"}},
    "NetworkPolicy": {"spec": {"ingress": [{}]}},
    "StatefulSet": {"spec": {"replicas": 0}},
    "DestinationRule": {"spec": {"host": "elsewhere"}},
    "ServiceMonitor": {"spec": {"selector": {"matchLabels": {"more": "of it"}}}},
}

FOREIGN = {
    "ConfigMap": {"data": {"made": "by others"}},
    # Of the type that NATS needs: nobody can change it.
    "Secret": {"type": "kubernetes.io/basic-auth", "stringData": {"username": "others", "password": "own"}},
}


class Stage:
    """Let commands happen and remember which, so that a failure tells how to repeat it."""

    def __init__(self, rig, cluster, look, *, finds_peers):
        self._finds_peers = finds_peers
        self.world = World(finds_peers=finds_peers)
        self.mailbox = Mailbox(cluster)
        self.program = []
        self.is_calm = True
        """Whether nothing happened since the last rest."""

        self.failure = None
        """The error that ended the program."""

        self._rig = rig
        self._client = rig.client
        self._look = look
        self._faults = ExitStack()

    async def play(self, *commands):
        """Let commands happen one after the other."""
        for command in commands:
            self.program.append(command)
            try:
                await command.happen(self)
            except Exception as error:
                self.failure = error
                error.add_note(f"the program was:\n{self.listing()}")
                raise
            command.change(self.world)
            self.is_calm = isinstance(command, Settle)

    def listing(self):
        """Return the program so far as Python."""
        return "\n".join(f"    {command!r}," for command in self.program)

    async def settle(self):
        """Wait until the cluster is, and stays, what the model says."""
        self.world.settle()
        faults = ["nothing was seen"]
        try:
            async with asyncio.timeout(PATIENCE):
                while faults := await self._faults_at_rest():  # noqa: ASYNC110 - there is no watch of all
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise AssertionError("\n".join(faults)) from None
        self._faults.close()
        await self._look.remember(self.world)
        if self.world.is_reachable:
            held = await self.mailbox.held()
            assert self.world.kept - held == set(), "messages are lost"

    async def _faults_at_rest(self):
        """Return what is wrong, at once or after the manager has done what it was about to do."""
        faults = await self._look.faults(self.world)
        if faults:
            return faults
        await self._rig.until_idle()
        return await self._look.faults(self.world)

    async def write(self, name, wish):
        await self._client.apply(_eventing(name, wish), field_manager=USER, force=True)

    async def delete_eventing(self, name):
        await self._client.delete(EVENTING, name, namespace=CR_NAMESPACE)

    async def end_manager(self, number):
        starts = self._rig.manager.starts
        if number.name == "SIGKILL":
            self._rig.manager.kill()
        else:
            self._rig.manager.signal(number)
        await self._rig.until(lambda: self._rig.manager.starts > starts)

    def expect_faults(self, plan):
        """Go by a plan of faults until the next rest."""
        self._faults.close()
        self._faults.enter_context(self._rig.proxy.under(plan))

    async def install(self, kind):
        target = Target(kind=CRD, name=DEFINITIONS[kind]["metadata"]["name"])
        await self._client.create(DEFINITIONS[kind])
        await wait_for(
            self._client, target, has_condition("Established"), what="be established", within=PATIENCE
        )

    async def uninstall(self, kind):
        target = Target(kind=CRD, name=DEFINITIONS[kind]["metadata"]["name"])
        await self._client.delete(CRD, target.name)
        await wait_for(self._client, target, is_gone(), what="be gone", within=PATIENCE)

    async def put_secret(self, content):
        with suppress(NotFoundError):
            await self._client.delete(SECRET, EVENTMESH_SECRET["name"], namespace=NAMESPACE)
        if content:
            obj = {"apiVersion": "v1", "kind": "Secret", "metadata": EVENTMESH_SECRET}
            await self._client.create(obj | {"stringData": CONTENTS[content]})

    async def put_foreign(self, obj):
        kind, name, namespace = where(obj)
        labels = {"app.kubernetes.io/managed-by": "others"}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        made = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **FOREIGN[kind.kind]}
        self._look.foreign[obj] = await self._client.create(made)

    async def let_adopt(self, obj):
        await self._change(obj, {"metadata": {"annotations": {ADOPT: "true"}}})

    async def delete_object(self, obj):
        kind, name, namespace = where(obj)
        with suppress(NotFoundError, KindAbsentError):
            await self._client.delete(kind, name, namespace=namespace)

    async def tamper(self, obj, part):
        """Change what of an object the manager has to put back: its content, or the label it is found by."""
        content = TAMPERED[where(obj)[0].kind]
        await self._change(
            obj, content if part == "content" else {"metadata": {"labels": {PART_OF_LABEL: None}}}
        )

    async def _change(self, obj, patch):
        kind, name, namespace = where(obj)
        with suppress(NotFoundError, KindAbsentError):
            await self._client.merge_patch(kind, name, patch, namespace=namespace)

    async def clear(self):
        """Take everything away, whatever came of it, and verify that nothing is left."""
        self._faults.close()
        for obj in self.world.foreign:
            await self.delete_object(obj)
        for eventing in (await self._client.list(EVENTING)).items:
            key = ObjectKey.of(eventing)
            with suppress(NotFoundError):
                await self._client.merge_patch(
                    EVENTING,
                    key.name,
                    {"metadata": {"annotations": {FORCE: "true"}}},
                    namespace=key.namespace,
                )
        await self._rig.clear()
        await self.put_secret("")
        for kind in DEFINITIONS:
            with suppress(NotFoundError):
                await self.uninstall(kind)
        await self._delete_volumes()
        self.world, self.program, self.is_calm = World(finds_peers=self._finds_peers), [], True
        await self.settle()

    async def _delete_volumes(self):
        claims = await self._client.list(PVC, namespace=NAMESPACE, label_selector=OF_NATS)
        for claim in claims.items:
            await self._client.delete(PVC, claim["metadata"]["name"], namespace=NAMESPACE)


def _eventing(name, wish):
    """Return the Eventing that a wish stands for; what it does not name is not set."""
    annotations = {FORCE: "true"} if wish.is_forced else {}
    spec = {"backend": {"type": wish.backend}, "logLevel": wish.log_level}
    if wish.names_secret:
        spec["backend"]["eventmesh"] = {"secretRef": EVENTMESH_SECRET}
    if wish.speaks_of_nats:
        spec["backend"]["nats"] = {
            "replicas": wish.replicas,
            "storage": {"reclaimPolicy": wish.reclaim},
            "onUndelivered": wish.undelivered,
            # An empty map would not do: an API server makes null of one that had something, and refuses it.
            **({"labels": {"team": wish.label}} if wish.label else {}),
            **({"annotations": {"note": wish.annotation}} if wish.annotation else {}),
            **({"resources": {"limits": {"memory": wish.memory}}} if wish.memory else {}),
        }
    metadata = {"name": name, "namespace": CR_NAMESPACE, "annotations": annotations}
    return {"apiVersion": EVENTING.api_version, "kind": EVENTING.kind, "metadata": metadata, "spec": spec}
