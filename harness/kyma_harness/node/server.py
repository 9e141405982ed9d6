"""The kubelet endpoint: what the API server asks a node for on behalf of kubectl."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiohttp import web

from kyma_harness.node.containers.logs import ContainerLog, LogQuery
from kyma_harness.node.rules.placeholders import HOST

_STOP_SECONDS = 1.0


class LogLookup(Protocol):
    """Whoever knows the pods of the node."""

    def find_log(self, namespace: str, pod: str, container: str, *, previous: bool) -> ContainerLog:
        """Return a log; raises LookupError with a sentence for the user."""
        ...

    def pods(self) -> list[dict[str, Any]]:
        """Return the pods bound to the node."""
        ...


@asynccontextmanager
async def kubelet_server(lookup: LogLookup, *, port: int, tls: ssl.SSLContext) -> AsyncIterator[None]:
    """Serve on 127.0.0.1, to nobody but whom `tls` lets in."""
    # A follower that hangs up ends its handler, which else would wait for the container's next line.
    runner = web.AppRunner(
        _application(lookup), access_log=None, shutdown_timeout=_STOP_SECONDS, handler_cancellation=True
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


def _application(lookup: LogLookup) -> web.Application:
    application = web.Application()

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def pods(_: web.Request) -> web.Response:
        return web.json_response({"apiVersion": "v1", "kind": "PodList", "items": lookup.pods()})

    async def logs(request: web.Request) -> web.StreamResponse:
        return await _logs(request, lookup)

    application.router.add_get("/healthz", healthz)
    application.router.add_get("/pods", pods)
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", logs)
    for name, instead in _MISSING.items():
        application.router.add_route("*", f"/{name}/{{rest:.*}}", _refuse(name, instead))
    return application


_MISSING = {
    "exec": "its containers are processes of this host: the containerID in the pod's status has the pid",
    "attach": "its containers read nothing: use kubectl logs -f to see what one writes",
    "run": "its containers are processes of this host: run the command yourself",
    "portForward": "its ports are open on this host: the addresses stand in the annotation"
    " node.kyma-harness.io/addresses of the pod and of its Service",
}


def _refuse(name: str, instead: str) -> Callable[[web.Request], Any]:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=501, text=f"{name} does not work on a process node: {instead}")

    return refuse


async def _logs(request: web.Request, lookup: LogLookup) -> web.StreamResponse:
    try:
        query = _query(request.query)
        log = lookup.find_log(
            request.match_info["namespace"], request.match_info["pod"], request.match_info["container"],
            previous=request.query.get("previous") == "true",
        )  # fmt: skip
    except (LookupError, ValueError) as error:
        return web.Response(status=400, text=str(error.args[0]))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    async for line in log.read(query):
        await response.write(line)
    await response.write_eof()
    return response


def _query(options: Any) -> LogQuery:
    """Read the options as the API server passes them on; raises ValueError."""
    since = None
    if seconds := options.get("sinceSeconds"):
        since = datetime.now(UTC) - timedelta(seconds=int(seconds))
    elif moment := options.get("sinceTime"):
        since = datetime.fromisoformat(moment)
    return LogQuery(
        follow=options.get("follow") == "true",
        timestamps=options.get("timestamps") == "true",
        tail_lines=_number(options.get("tailLines")),
        since=since,
        limit_bytes=_number(options.get("limitBytes")),
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
