"""Tell whether the Secret of the EventMesh service can be used.

Its shape is that of a service binding of SAP Event Mesh: ``namespace`` is a name, ``messaging`` a JSON list
of endpoints, of which the one of the REST broker publishes.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from eventing_manager.names import MANAGER_ACCOUNT
from eventing_manager.reasons import Reason
from eventing_manager.status import Dependency
from kubeloop.errors import ForbiddenError, NotFoundError
from kubeloop.kinds import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeloop.client import Client
    from kubeloop.resource import Object, ObjectKey

_REST_BROKER: Final = "saprestmgw"
_CREDENTIALS: Final = ("clientid", "clientsecret", "granttype", "tokenendpoint")


async def secret_found(client: Client, key: ObjectKey, manager_namespace: str) -> Dependency:
    """Read the Secret of the EventMesh service, and say what is wrong with it."""
    try:
        secret = await client.get(SECRET, key.name, key.namespace)
    except NotFoundError:
        return _unusable(key, Reason.SECRET_MISSING, f"Secret {key} does not exist; create it")
    except ForbiddenError:
        return _unusable(key, Reason.SECRET_FORBIDDEN, _how_to_allow(key, manager_namespace))
    missing = next(missing_keys(secret), None)
    if missing is not None:
        message = f"Secret {key} lacks {missing}; take the Secret of a service binding of SAP Event Mesh"
        return _unusable(key, Reason.SECRET_MALFORMED, message)
    message = f"Secret {key} has the credentials of an EventMesh service"
    return Dependency(name=_name(key), satisfied=True, reason=Reason.SATISFIED, message=message)


def missing_keys(secret: Object) -> Iterator[str]:
    """Yield what a Secret lacks to be usable, the outermost first; values are never in it."""
    if not _text(secret, "namespace").strip():
        yield "key namespace"
    messaging = _text(secret, "messaging")
    if not messaging.strip():
        yield "key messaging"
        return
    try:
        endpoints = json.loads(messaging)
    except ValueError:
        yield "a JSON list in key messaging"
        return
    publishing = [endpoint for endpoint in _objects(endpoints) if _broker(endpoint) == _REST_BROKER]
    if not publishing:
        yield f"an endpoint whose broker.type is {_REST_BROKER} in key messaging"
        return
    yield from _missing_of(publishing[0])


def _missing_of(endpoint: dict[str, Any]) -> Iterator[str]:
    where = f"in the {_REST_BROKER} endpoint of key messaging"
    if not endpoint.get("uri"):
        yield f"uri {where}"
    credentials = endpoint.get("oa2")
    for name in _CREDENTIALS:
        if not isinstance(credentials, dict) or not credentials.get(name):
            yield f"oa2.{name} {where}"


def _text(secret: Object, key: str) -> str:
    """Return a value, empty where there is none or it is not text."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "").decode()
    except (binascii.Error, ValueError):
        return ""


def _objects(endpoints: Any) -> list[dict[str, Any]]:
    found = endpoints if isinstance(endpoints, list) else [endpoints]
    return [endpoint for endpoint in found if isinstance(endpoint, dict)]


def _broker(endpoint: dict[str, Any]) -> Any:
    broker = endpoint.get("broker")
    return broker.get("type") if isinstance(broker, dict) else None


def _unusable(key: ObjectKey, reason: Reason, message: str) -> Dependency:
    return Dependency(name=_name(key), satisfied=False, reason=reason, message=message)


def _name(key: ObjectKey) -> str:
    return f"Secret {key}"


def _how_to_allow(key: ObjectKey, namespace: str) -> str:
    role = f"eventing-manager-{key.name}"
    return (
        f"Secret {key} may not be read by the manager; allow it:"
        f" kubectl -n {key.namespace} create role {role}"
        f" --verb=get,list,watch --resource=secrets --resource-name={key.name}"
        f" && kubectl -n {key.namespace} create rolebinding {role}"
        f" --role={role} --serviceaccount={namespace}:{MANAGER_ACCOUNT}"
    )
