"""Find where a Service of an embedded cluster is reached from this host."""

import json
from pathlib import Path

from kubeloop.client import Client
from kubeloop.kinds import SERVICE
from kubeloop.resource import Object, annotations_of
from kyma_harness.embedded.errors import NoAddressError
from kyma_harness.node.annotations import ADDRESSES
from kyma_harness.wait import claims
from kyma_harness.wait.waits import Target, WaitError, wait_for

_LIMIT_SECONDS = 10.0


async def service_address(kubeconfig: Path, *, namespace: str, name: str, port: int) -> str:
    """Return `127.0.0.1:PORT`, which the process node forwards to the Service's ready pods.

    Waits a moment for the node to have seen the Service; raises NoAddressError if there is none then.
    """
    target = Target(kind=SERVICE, name=name, namespace=namespace)
    claim = claims.satisfies(
        lambda service: str(port) in _addresses(service), f"the node gave port {port} no address"
    )
    async with Client.from_kubeconfig(kubeconfig, user_agent="kyma-harness") as client:
        try:
            service = await wait_for(client, target, claim, what="have an address", within=_LIMIT_SECONDS)
        except WaitError as error:
            raise NoAddressError(
                f"Service {namespace}/{name} cannot be reached at port {port} from here: it needs a selector"
                f" and that port. {error}"
            ) from None
    return _addresses(service or {})[str(port)]


def _addresses(service: Object) -> dict[str, str]:
    addresses: dict[str, str] = json.loads(annotations_of(service).get(ADDRESSES, "{}"))
    return addresses
