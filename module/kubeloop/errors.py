"""What can go wrong, as a tree.

::

    ControllerError
     ├── ApiError                  the API server answered, and the answer is no
     │    ├── BadRequestError      400
     │    ├── UnauthorizedError    401
     │    ├── ForbiddenError       403
     │    │    └── KindLeavingError  its definition is being deleted, so nothing new is let in (transient)
     │    ├── NotFoundError        404
     │    ├── ConflictError        409: changed since it was read, or a field has another owner (transient)
     │    ├── AlreadyExistsError   409 on create (transient)
     │    ├── ExpiredError         410: list again (transient)
     │    ├── InvalidError         422
     │    ├── TooManyRequestsError 429 (transient)
     │    └── ServerError          5xx (transient)
     ├── UnreachableError          no answer: refused, reset, timed out, not trusted (transient)
     ├── KindAbsentError           the API server serves no such kind, for now
     ├── ConfigurationError        there is nothing to connect to or to authenticate with
     ├── ForeignObjectError        an object of that name belongs to someone else
     ├── LeaseLostError            another instance may lead by now
     ├── QuantityError             a string is no quantity of Kubernetes, or beyond what 64 bits count
     ├── QueueClosedError          no more keys are handed out
     └── TerminalError             raised by a reconciler: trying again would not help
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeloop.resource import Kind


class ControllerError(Exception):
    """Anything this package raises on purpose."""

    is_transient: ClassVar[bool] = False
    """Whether the same may work later with nobody doing anything about it."""


class ApiError(ControllerError):
    """The API server refused a request; ``message`` is its own sentence."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        method: str,
        path: str,
        subject: str = "",
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message
        self.method = method
        self.path = path
        self.subject = subject or path
        self.retry_after = retry_after
        self.details = details or {}

    def explain(self, text: str) -> None:
        """Add to the API server's sentence what it cannot know."""
        self.message = f"{self.message}; {text}"

    def __str__(self) -> str:
        return f"{self.method} {self.subject}: {self.status} {self.reason}: {self.message}"


class BadRequestError(ApiError):
    """The request makes no sense to the API server."""


class UnauthorizedError(ApiError):
    """The credentials are missing, wrong or expired."""


class ForbiddenError(ApiError):
    """The credentials are good, but RBAC does not allow this."""


class KindLeavingError(ForbiddenError):
    """The kind's definition is being deleted: soon nobody serves the kind."""

    is_transient = True


class NotFoundError(ApiError):
    """The object, or the namespace it should go into, does not exist."""


class ConflictError(ApiError):
    """The object is not what the request takes it for: read it again."""

    is_transient = True


class AlreadyExistsError(ApiError):
    """An object of that name exists."""

    is_transient = True


class ExpiredError(ApiError):
    """The resource version is too old to go on from: list again."""

    is_transient = True


class InvalidError(ApiError):
    """The object breaks the rules of its kind; the message says which."""


class TooManyRequestsError(ApiError):
    """The API server is busy or not ready; ``retry_after`` says for how many seconds, where it knows."""

    is_transient = True


class ServerError(ApiError):
    """The API server, or a webhook that it asks, failed."""

    is_transient = True


_KIND_LEAVES: Final = "not allowed while custom resource definition is terminating"
"""How the API server's message ends; the answer has no field of its own for it."""

_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    HTTPStatus.BAD_REQUEST: BadRequestError,
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.GONE: ExpiredError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidError,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequestsError,
}


def api_error_class(status: int, reason: str, message: str = "") -> type[ApiError]:
    """Return the class for an answer's HTTP status and its Status object's reason and message."""
    if status == HTTPStatus.FORBIDDEN and message.endswith(_KIND_LEAVES):
        return KindLeavingError
    if reason == "AlreadyExists":
        return AlreadyExistsError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerError
    return _BY_STATUS.get(status, ApiError)


def is_transient(error: Exception) -> bool:
    """Tell whether it is enough to try again later."""
    return isinstance(error, ControllerError) and error.is_transient


LONGEST_WAIT: Final = 60.0
"""Seconds for which one who asks to be left alone is left alone: it may be a proxy that asks."""


def asked_to_wait(error: Exception) -> float:
    """Return for how many seconds the API server asked to be left alone, 0 where it did not."""
    return min(error.retry_after or 0.0, LONGEST_WAIT) if isinstance(error, ApiError) else 0.0


class UnreachableError(ControllerError):
    """The API server gave no answer; whether the request took effect is unknown."""

    is_transient = True

    def __init__(self, server: str, cause: object) -> None:
        super().__init__(f"the API server {server} cannot be reached: {cause}")
        self.server = server


class KindAbsentError(ControllerError):
    """The API server serves no such kind: its CRD is not installed, not yet, or no longer."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"the API server does not serve {kind}: its CustomResourceDefinition is not installed"
        )
        self.kind = kind


class ConfigurationError(ControllerError):
    """The kubeconfig or the Pod's service account is missing or unusable."""


class ForeignObjectError(ControllerError):
    """An object is not ours to write; ``advice`` says what becomes of it, or what to do."""

    def __init__(self, subject: str, owner: str, advice: str = "it is left as it is") -> None:
        super().__init__(f"{subject} exists and belongs to {owner}: {advice}")
        self.subject = subject
        self.owner = owner


class LeaseLostError(ControllerError):
    """The lease could not be renewed in time: whoever led by it must stop at once."""


class QuantityError(ControllerError, ValueError):
    """A string is not a quantity of Kubernetes."""


class QueueClosedError(ControllerError):
    """A work queue hands out no more keys, because its controller stops."""


class TerminalError(ControllerError):
    """Reconciling again would not help until something changes."""
