"""Answer in the API server's stead."""

import json
from http import HTTPStatus

from aiohttp import web

from kyma_harness.faults.fault import Refuse
from kyma_harness.faults.record import Recorded


def cut_off(request: web.Request) -> web.Response:
    """Cut the connection of a request; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def refused(fault: Refuse, entry: Recorded) -> web.Response:
    """Refuse a call in the API server's words."""
    entry.status = fault.status
    status = _status(fault.status, fault.reason, f"a fault was injected into {entry.call}")
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
        status["details"] = {"retryAfterSeconds": fault.retry_after}
    return web.json_response(status, status=fault.status, headers=headers)


def expired(entry: Recorded) -> web.Response:
    """End a watch before it began, as an API server does that has forgotten its resource version."""
    entry.status = HTTPStatus.OK
    status = _status(HTTPStatus.GONE, "Expired", "too old resource version: a fault was injected")
    event = json.dumps({"type": "ERROR", "object": status}) + "\n"
    return web.Response(text=event, content_type="application/json")


def _status(code: int, reason: str, message: str) -> dict[str, object]:
    return {
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip
