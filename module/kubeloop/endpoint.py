"""Answer probes and scrapes over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

_SHUTDOWN_LIMIT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a path answers with: text, and a status for those who read no text."""

    text: str
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"


def answer_checks(complaints: Mapping[str, str | None]) -> Answer:
    """Return 200 if no check has a complaint, else 503 and who complains of what."""
    lines = [
        f"[+] {name} ok" if complaint is None else f"[-] {name}: {complaint}"
        for name, complaint in complaints.items()
    ]
    is_ok = all(complaint is None for complaint in complaints.values())
    return Answer(text="\n".join([*lines, ""]), status=200 if is_ok else 503)


@asynccontextmanager
async def serving(address: str, routes: Mapping[str, Callable[[], Answer]]) -> AsyncIterator[int]:
    """Answer GET on each path while within; yield the port, which is chosen if the address says 0.

    ``address`` is ``host:port``, or ``:port`` for all interfaces. Raises OSError if it is taken.
    """
    host, _, port = address.rpartition(":")
    application = web.Application()
    for path, answer in routes.items():
        application.router.add_get(path, _handler(answer))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_LIMIT)
    await runner.setup()
    try:
        await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _handler(answer: Callable[[], Answer]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(_request: web.Request) -> web.StreamResponse:
        found = answer()
        return web.Response(
            body=found.text.encode(), status=found.status, headers={"Content-Type": found.content_type}
        )

    return handle
