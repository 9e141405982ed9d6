"""Wait until a cluster that says it is up can really be used."""

import operator
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)

from kubeloop.client import Client
from kubeloop.errors import ApiError, ControllerError, NotFoundError, UnreachableError
from kubeloop.kinds import DEPLOYMENT, NODE, SERVICE_ACCOUNT, STORAGE_CLASS
from kubeloop.resource import annotations_of
from kyma_harness.clusters.errors import CreationError
from kyma_harness.host.errors import HarnessError, also
from kyma_harness.wait.claims import exists, has_condition
from kyma_harness.wait.steps import Step
from kyma_harness.wait.waits import Target, WaitError, wait_for

Report = Callable[[Step], None]
DNS = Target(kind=DEPLOYMENT, name="coredns", namespace="kube-system")
DEFAULT_ACCOUNT = Target(kind=SERVICE_ACCOUNT, name="default", namespace="default")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


async def settle(client: Client, report: Report, *, brings_dns: bool = False, within: float = 120) -> None:
    """Wait for the API server, every node, the default ServiceAccount and CoreDNS, and report each.

    A cluster that ``brings_dns`` is waited for until it has its CoreDNS; of others we take what is there.
    ``within`` is in seconds, for each of them. Raises :class:`CreationError` that names what did not come.
    """
    await step("api server", lambda: _answers(client, within), report)
    await step("nodes", lambda: _nodes_ready(client, within), report)
    await step("service account", lambda: wait_for(
        client, DEFAULT_ACCOUNT, exists(), what="exist", within=within), report)  # fmt: skip
    await step("dns", lambda: _dns_available(client, within, brought=brings_dns), report)


@asynccontextmanager
async def removing_on_failure(remove: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Where the block fails, or is cancelled, remove what it has made; what is raised is the failure.

    What cannot be removed is told with it: `gc` removes it later.
    """
    try:
        yield
    except BaseException as error:
        try:
            await remove()
        except (HarnessError, ControllerError, OSError) as second:
            also(error, f"What was made of it could not be removed, which `kyma-harness gc` may do: {second}")
        raise


@asynccontextmanager
async def keeping_logs(collect: Callable[[Path], Awaitable[None]], folder: Path) -> AsyncIterator[None]:
    """Where the block fails for the cluster, collect its logs before it is taken away, and say where."""
    try:
        yield
    except CreationError as error:
        try:
            await collect(folder)
        except (HarnessError, ControllerError, OSError) as second:
            error.add(f"What its parts wrote could not be collected: {second}")
        else:
            error.add(f"What its parts wrote is in {folder}")
        raise


async def lacks_default_storage(client: Client) -> bool:
    """Tell whether volume claims that name no class would wait for ever."""
    classes = (await client.list(STORAGE_CLASS)).items
    return not any(annotations_of(item).get(DEFAULT_CLASS) == "true" for item in classes)


async def step(part: str, take: Callable[[], Awaitable[object]], report: Report) -> None:
    """Take one step of bringing a cluster up, and report it; raises :class:`CreationError` that names it."""
    begun = Step(name=part)
    report(begun)
    try:
        await take()
    except (WaitError, ApiError, UnreachableError) as error:
        report(begun.over(ok=False, note=str(error)))
        raise CreationError(f"the cluster does not settle, {part}: {error}") from error
    report(begun.over())


async def _answers(client: Client, within: float) -> None:
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type((ApiError, UnreachableError)),
        wait=wait_exponential(0.1, max=2),
        stop=stop_after_delay(within),
        reraise=True,
    ):
        with attempt:
            await client.request("GET", "/readyz", timeout=5)


async def _nodes_ready(client: Client, within: float) -> None:
    """Wait for the first node to register, which takes a while, and for each to be Ready."""
    for name in await _names_of_nodes(client, within):
        target = Target(kind=NODE, name=name)
        await wait_for(client, target, has_condition("Ready"), what="be Ready", within=within)


async def _names_of_nodes(client: Client, within: float) -> list[str]:
    async def names() -> list[str]:
        return [str(node["metadata"]["name"]) for node in (await client.list(NODE)).items]

    registered = AsyncRetrying(
        retry=retry_if_result(operator.not_), wait=wait_fixed(0.25), stop=stop_after_delay(within)
    )
    try:
        return await registered(names)
    except RetryError:
        raise WaitError(f"no node has registered within {within:g} s", None, timed_out=True) from None


async def _dns_available(client: Client, within: float, *, brought: bool) -> None:
    """Wait for CoreDNS where the cluster has it under its usual name; others bring their own DNS."""
    if not brought:
        try:
            await client.get(DNS.kind, DNS.name, DNS.namespace)
        except NotFoundError:
            return
    await wait_for(client, DNS, has_condition("Available"), what="be Available", within=within)
