"""A real control plane, with or without a process node in the same process as the tests."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from eventually import PATIENCE

from kubeloop.client import Client
from kubeloop.kinds import NODE, POD, SERVICE, SERVICE_ACCOUNT
from kyma_harness.embedded.components import Components, Ports
from kyma_harness.embedded.control_plane import ControlPlane
from kyma_harness.embedded.layout import Layout
from kyma_harness.embedded.pki import ClusterPki, make_pki
from kyma_harness.host import process
from kyma_harness.host.loopback import LoopbackNetworks
from kyma_harness.host.ports import PortPool
from kyma_harness.node.annotations import ADDRESSES
from kyma_harness.node.node import ProcessNode
from kyma_harness.node.rules.rules import Rules
from kyma_harness.node.settings import NodeSettings
from kyma_harness.wait.claims import exists, has_condition, is_gone, satisfies
from kyma_harness.wait.waits import Target, wait_for

RULES = Path(__file__).with_name("rules.yaml")


@dataclass(slots=True)
class NodeCluster:
    """The cluster as tests use it."""

    client: Client
    node: ProcessNode
    kubeconfig: Path
    state: Path
    tools: Path
    ports: PortPool
    settings: NodeSettings
    pki: ClusterPki

    async def kubectl(self, *arguments, check=True):
        """Run kubectl to its end."""
        argv = [self.tools / "kubectl", "--kubeconfig", self.kubeconfig, *arguments]
        return await process.run(argv, timeout=PATIENCE, check=check)

    async def pod(self, name, namespace, claim, *, what, within=PATIENCE):
        """Wait for a pod to become what is claimed."""
        target = Target(kind=POD, name=name, namespace=namespace)
        return await wait_for(self.client, target, claim, what=what, within=within)

    async def ready(self, name, namespace):
        """Wait for a pod to be Ready."""
        return await self.pod(name, namespace, has_condition("Ready"), what="be Ready")

    async def container(self, name, namespace, predicate, *, what):
        """Wait for the first container's status to become what is claimed; return it."""
        found = await self.pod(
            name, namespace, satisfies(lambda pod: predicate(_first(pod)), f"is not {what}"), what=what
        )
        return _first(found)

    async def gone(self, kind, name, namespace=None, *, within=PATIENCE):
        """Wait for an object to be gone."""
        target = Target(kind=kind, name=name, namespace=namespace)
        await wait_for(self.client, target, is_gone(), what="be gone", within=within)

    async def until(self, kind, name, namespace, predicate, *, what):
        """Wait for any object to become what is claimed."""
        target = Target(kind=kind, name=name, namespace=namespace)
        return await wait_for(
            self.client, target, satisfies(predicate, f"is not {what}"), what=what, within=PATIENCE
        )

    async def service_address(self, name, namespace, port=80):
        """Wait for the address of a Service's port."""
        target = Target(kind=SERVICE, name=name, namespace=namespace)
        service = await wait_for(
            self.client, target, satisfies(_has_addresses, "has no address"), what="have an address"
        )
        return json.loads(service["metadata"]["annotations"][ADDRESSES])[str(port)]


def _first(pod):
    return (pod.get("status", {}).get("containerStatuses") or [{}])[0]


def _has_addresses(obj):
    return ADDRESSES in (obj["metadata"].get("annotations") or {})


def address_of(pod, port=8080):
    """Return the host address of a pod's port."""
    return json.loads(pod["metadata"]["annotations"][ADDRESSES])[str(port)]


async def fetch(address, path="/"):
    """Ask an address for JSON."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as response:
        return json.loads(await response.text())


async def answers(address):
    """Return what an address answers, None if it does not: who is ended meanwhile may answer by halves."""
    try:
        return await fetch(address)
    except (aiohttp.ClientError, ValueError):
        return None


async def wait_until(predicate, *, what, within=PATIENCE):
    """Wait for something that has no watch: a file, a port."""
    try:
        async with asyncio.timeout(within):
            while not await predicate():  # noqa: ASYNC110 - a file or port has no watch
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it did not come to {what} within {within} s") from None


@asynccontextmanager
async def node_cluster(root: Path, tools: Path):
    """Start a control plane and a process node; end both, and every pod, at the end."""
    with PortPool() as ports, LoopbackNetworks() as networks:
        async with running_plane(root, tools, ports, networks) as (plane, pki):
            await plane.start_controllers()
            kubeconfig = plane.layout.kubeconfig
            settings = NodeSettings(
                state=root, tools=tools, rules=Rules.load([RULES]), ports=ports, first_backoff=0.2,
                tls_cert=pki.kubelet.certificate, tls_key=pki.kubelet.key, client_ca=pki.authority,
                egress_port=plane.components.ports.egress, pod_network=networks.pods,
            )  # fmt: skip
            async with (
                Client.from_kubeconfig(kubeconfig) as client,
                running_node(settings, client) as node,
            ):
                await _until_usable(client)
                yield NodeCluster(
                    client=client, node=node, kubeconfig=kubeconfig, state=root, tools=tools,
                    ports=ports, settings=settings, pki=pki,
                )  # fmt: skip


@asynccontextmanager
async def running_plane(root: Path, tools: Path, ports: PortPool, networks: LoopbackNetworks):
    """Start an API server, and nobody who changes anything in it."""
    layout = Layout.at(root)
    layout.create()
    pki = make_pki(layout.pki, node_name="process-node", services=networks.services)
    components = Components(
        tools=tools, layout=layout, pki=pki, ports=_ports(ports), services=networks.services
    )
    components.write_kubeconfigs("test")
    plane = ControlPlane(components=components, layout=layout, announce=lambda _: None)
    try:
        await plane.start_api()
        yield plane, pki
    finally:
        await plane.stop()


@asynccontextmanager
async def running_node(settings, client):
    """Run a node while the block runs."""
    node = ProcessNode(settings, client)
    life = asyncio.create_task(node.run())
    try:
        yield node
    finally:
        await node.drain(2)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        settings.ports.release(node.kubelet_port)


async def _until_usable(client):
    await wait_for(client, Target(kind=NODE, name="process-node"), has_condition("Ready"), what="be Ready")
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace="default")
    await wait_for(client, account, exists(), what="exist")


def _ports(ports):
    reserve = ports.reserve
    return Ports(
        api_server=reserve(), registry=reserve(), etcd=reserve(), etcd_peer=reserve(),
        controller_manager=reserve(), scheduler=reserve(), egress=reserve(),
    )  # fmt: skip
