"""Teach a cluster's CoreDNS one more name: the original PoC's step ``patch-coredns``."""

import hashlib
import re

from kubeloop.client import Client
from kubeloop.errors import NotFoundError
from kubeloop.kinds import CONFIG_MAP
from kubeloop.resource import Object
from kyma_harness.clusters.errors import CreationError
from kyma_harness.clusters.ready import DNS
from kyma_harness.wait.waits import Target, wait_for

CUSTOM = Target(kind=CONFIG_MAP, name="coredns-custom", namespace="kube-system")
"""What k3s' Corefile imports ``*.override`` files from, into its one server block."""
COREFILE = Target(kind=CONFIG_MAP, name="coredns", namespace="kube-system")
IMPORT = re.compile(r"^\s*import\s+\S*/\*\.override\s*$", re.MULTILINE)
CHECKSUM = "kyma-harness.io/coredns-custom"


async def alias(client: Client, name: str, target: str, *, within: float = 60) -> None:
    """Make ``name`` resolve to whatever ``target`` resolves to, in every pod.

    module-manager speaks plain http only with hosts whose name ends in ``.localhost`` (or that are private
    addresses), and no DNS knows the registry's container under such a name. A rewrite follows the container
    when its address changes, which an entry with the address would not.

    Raises :class:`CreationError` where this CoreDNS would not read what we write.
    """
    await _check_import(client)
    line = f"rewrite name exact {name} {target}\n"
    await _set(client, f"{name}.override", line)
    await _restart(client, hashlib.sha256(line.encode()).hexdigest()[:16], within)


async def _check_import(client: Client) -> None:
    """Refuse a k3s before v1.27.3, v1.26.6, v1.25.11 or v1.24.15: its Corefile imports ``*.server`` only."""
    try:
        found = await client.get(COREFILE.kind, COREFILE.name, COREFILE.namespace)
    except NotFoundError:
        found = {}
    if not IMPORT.search(found.get("data", {}).get("Corefile", "")):
        raise CreationError(
            f"the Corefile of ConfigMap {COREFILE.namespace}/{COREFILE.name} imports no *.override of "
            f"{CUSTOM.name}, so pods could not find the registry: name a k3s of v1.27.3 or newer, or of June "
            "2023 or newer of its minor version, with --node-image, or take a newer k3d"
        )


async def _set(client: Client, key: str, text: str) -> None:
    patch: Object = {"data": {key: text}}
    try:
        await client.merge_patch(CUSTOM.kind, CUSTOM.name, patch, namespace=CUSTOM.namespace)
    except NotFoundError:
        metadata = {"name": CUSTOM.name, "namespace": CUSTOM.namespace}
        await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **patch})


async def _restart(client: Client, checksum: str, within: float) -> None:
    """Roll CoreDNS once for this text: a mounted ConfigMap would take it a minute to notice."""
    template = {"metadata": {"annotations": {CHECKSUM: checksum}}}
    patch = {"spec": {"template": template}}
    await client.merge_patch(DNS.kind, DNS.name, patch, namespace=DNS.namespace)
    await wait_for(client, DNS, _rolled_out, what="be rolled out", within=within)


def _rolled_out(seen: Object | None) -> str:
    if seen is None:
        return "it does not exist"
    status, wanted = seen.get("status", {}), seen["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < seen["metadata"]["generation"]:
        return "its change was not seen yet"
    counts = [status.get(count, 0) for count in ("updatedReplicas", "availableReplicas", "replicas")]
    return "" if counts == [wanted] * len(counts) else f"{counts[1]} of {wanted} new pods are available"
