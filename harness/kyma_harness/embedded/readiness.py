"""Wait for what a cluster must have before anybody can work with it, beyond components that answer."""

from kubeloop.client import Client
from kubeloop.kinds import NODE, SERVICE_ACCOUNT, STORAGE_CLASS
from kyma_harness.embedded.errors import EmbeddedError
from kyma_harness.wait import claims
from kyma_harness.wait.waits import Claim, Target, WaitError, wait_for

_LIMIT_SECONDS = 120.0


async def until_pods_can_be_made(client: Client) -> None:
    """Wait for the default ServiceAccount, without which the API server refuses every pod."""
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace="default")
    await _wait(client, account, claims.exists(), "exist")


async def until_pods_can_run(client: Client, node: str) -> None:
    """Wait until the node is ready and volumes can be provisioned."""
    await _wait(client, Target(kind=NODE, name=node), claims.has_condition("Ready"), "be Ready")
    found = await client.list(STORAGE_CLASS)
    if not found.items:
        raise EmbeddedError(f"node {node} is Ready, but it made no StorageClass: PVCs would stay Pending")


async def _wait(client: Client, target: Target, claim: Claim, what: str) -> None:
    try:
        await wait_for(client, target, claim, what=what, within=_LIMIT_SECONDS)
    except WaitError as error:
        raise EmbeddedError(f"the cluster is not usable: {error}") from None
