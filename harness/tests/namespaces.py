"""Namespaces as Kubernetes makes them."""

from kubeloop.kinds import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT
from kyma_harness.wait.claims import exists
from kyma_harness.wait.waits import Target, wait_for

WITHIN = 150


async def until_namespaces_are_complete(client):
    """Wait until every namespace has what controllers put into each, some time after it was made."""
    for namespace in (await client.list(NAMESPACE)).items:
        for kind, name in ((SERVICE_ACCOUNT, "default"), (CONFIG_MAP, "kube-root-ca.crt")):
            target = Target(kind=kind, name=name, namespace=namespace["metadata"]["name"])
            await wait_for(client, target, exists(), what="exist", within=WITHIN)
