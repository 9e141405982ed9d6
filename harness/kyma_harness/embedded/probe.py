"""Wait for a component's own word that it is ready."""

import asyncio
import ssl
from dataclasses import dataclass

import aiohttp

from kyma_harness.embedded.errors import ComponentFailedError
from kyma_harness.embedded.pki import KeyPair
from kyma_harness.host.process import Child

_INTERVAL_SECONDS = 0.05
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A URL that answers 200 when its component is ready."""

    url: str
    tls: ssl.SSLContext | None = None


def client_tls(authority: str, client: KeyPair) -> ssl.SSLContext:
    """Return a TLS context that trusts one authority and presents one certificate."""
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(client.certificate, client.key)
    return context


async def until_ready(child: Child, probe: Probe, limit: float) -> None:
    """Ask until the component is ready.

    Raises ComponentFailedError when it ends before that, or is not ready after so many seconds.
    """
    ended = asyncio.ensure_future(child.wait())
    asking = asyncio.ensure_future(_ask(probe))
    try:
        await asyncio.wait({ended, asking}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        if ended.done():
            raise ComponentFailedError.of(
                child, f"ended with {ended.result()} at its start", child.last_words()
            )
        raise ComponentFailedError.of(
            child, f"was not ready after {limit:g} s ({probe.url})", child.log_tail()
        )
    finally:
        for task in (ended, asking):
            task.cancel()


async def _ask(probe: Probe) -> None:
    # A new connection for each question: a server that is starting may accept one and never answer on it.
    while not await _answers(probe):  # noqa: ASYNC110 - there is nothing to wait on before it listens
        await asyncio.sleep(_INTERVAL_SECONDS)


async def _answers(probe: Probe) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=_REQUEST_TIMEOUT) as session,
            session.get(probe.url, ssl=probe.tls or True) as response,
        ):
            return response.status == 200  # noqa: PLR2004 - OK
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
