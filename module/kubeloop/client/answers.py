"""Make values or errors of what an API server answers, or whatever answers in its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kubeloop.errors import ApiError, api_error_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeloop.resource import Kind, Object


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectList:
    """The objects of one kind at one moment, which ``resource_version`` names."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED, or BOOKMARK, which carries a resource version only."""

    type: str
    object: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list, and what the next part is asked for with."""

    items: list[Object]
    resource_version: str
    following: str | None


_MISSING = object()


class NonsenseError(ValueError):
    """What was answered is not of the shape that it has to be of."""


def decoded(text: str | bytes) -> Any:
    """Return what a text in JSON stands for; raise NonsenseError where it stands for nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NonsenseError(f"broken JSON: {error}") from error


def object_of(answer: Any) -> Object:
    """Return an answer as an object."""
    if isinstance(answer, str):
        raise NonsenseError(f"text, not JSON: {answer[:200]}")
    return _mapping(answer, "an object")


def page_of(answer: Any, kind: Kind) -> Page:
    """Return an answer as a part of a list; its items carry no type of their own, and get one."""
    page = object_of(answer)
    # Metrics and the like have no version, and null is a list that is empty.
    metadata, items = _metadata(page), page.get("items", _MISSING)
    if items is None:
        items = []
    if not isinstance(items, list):
        raise NonsenseError(f"no list of {kind}: {_start_of(page)}")
    for item in items:
        _metadata(item, "name")
    return Page(
        items=[{**item, "apiVersion": kind.api_version, "kind": kind.kind} for item in items],
        resource_version=str(metadata.get("resourceVersion", "")),
        following=metadata.get("continue"),
    )


def event_of(document: Any, path: str, subject: str) -> WatchEvent:
    """Return a document of a watch as an event, or raise the ApiError that it is."""
    event = _mapping(document, "an event")
    event_type, obj = event.get("type"), _mapping(event.get("object"), "the object of an event")
    if event_type == "ERROR":
        raise refusal_from_status(obj, method="WATCH", path=path, subject=subject)
    if not isinstance(event_type, str):
        raise NonsenseError(f"an event without a type: {_start_of(event)}")
    _metadata(obj, "resourceVersion", *(() if event_type == "BOOKMARK" else ("name",)))
    return WatchEvent(type=event_type, object=obj)


def refusal_from_status(
    status: Mapping[str, Any], *, method: str, path: str, subject: str = "", code: int | None = None
) -> ApiError:
    """Return the error that a Status object stands for, however much of it is there."""
    code = code or _whole(status.get("code")) or HTTPStatus.INTERNAL_SERVER_ERROR
    reason = str(status.get("reason") or _phrase(code))
    message = str(status.get("message") or reason)
    details = status.get("details")
    if not isinstance(details, dict):
        details = {}
    return api_error_class(code, reason, message)(
        code,
        reason,
        message,
        method=method,
        path=path,
        subject=subject,
        retry_after=_whole(details.get("retryAfterSeconds")),
        details=details,
    )


def refusal(
    code: int, text: str, headers: Mapping[str, str], *, method: str, path: str, subject: str = ""
) -> ApiError:
    """Return the error for an answer with an error status, whether or not its body is a Status object."""
    try:
        status = decoded(text)
    except NonsenseError:
        status = None
    if not (isinstance(status, dict) and status.get("kind") == "Status"):
        status = {"message": text.strip()[:500]}
    error = refusal_from_status(status, method=method, path=path, subject=subject, code=code)
    header = headers.get("Retry-After", "")
    if error.retry_after is None and header.isascii() and header.isdecimal():
        error.retry_after = float(header)
    return error


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NonsenseError(f"something else than {what}: {_start_of(value)}")
    return value


def _metadata(obj: Any, *fields: str) -> dict[str, Any]:
    """Return the metadata of an object, in which there have to be texts by these names."""
    metadata = _mapping(_mapping(obj, "an object").get("metadata"), "the metadata of an object")
    for field in fields:
        if not isinstance(metadata.get(field), str):
            raise NonsenseError(f"an object without {field}: {_start_of(metadata)}")
    return metadata


def _start_of(value: Any) -> str:
    return repr(value)[:200]


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"
