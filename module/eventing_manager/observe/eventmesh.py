"""Tell whether the Secret of the EventMesh service can be used.

Its shape is that of a service binding of SAP Event Mesh: ``namespace`` is a name, ``messaging`` a JSON list
of endpoints, of which the one of the REST broker publishes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Any, Final, NoReturn

from eventing_manager.api.names import MANAGER_ACCOUNT
from eventing_manager.api.status import Dependency, Reason
from kubeloop.errors import ForbiddenError, NotFoundError
from kubeloop.kinds import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubeloop.client import Client
    from kubeloop.resource import Object, ObjectKey

_REST_BROKER: Final = "saprestmgw"
_ROLE: Final = "eventing-manager-eventmesh"
_LONGEST_NAME: Final = 253
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
        endpoints = _parsed(messaging)
    except _TwiceError:
        yield "a JSON list in key messaging in which no name is given twice"
        return
    # A document that is nested too deeply is no list of endpoints either.
    except (ValueError, RecursionError):
        yield "a JSON list in key messaging"
        return
    publishing = [endpoint for endpoint in _objects(endpoints) if _broker(endpoint) == _REST_BROKER]
    if not publishing:
        yield f"an endpoint whose broker.type is {_REST_BROKER} in key messaging"
        return
    yield from _missing_of(publishing[0])


def role_name(secret_name: str) -> str:
    """Return the name of the Role that allows the manager one Secret, and of its RoleBinding.

    ``eventmesh-secrets.yaml`` of the chart does the same. No other Role of the chart has that name.
    """
    name = f"{_ROLE}-{secret_name}"
    if len(name) <= _LONGEST_NAME:
        return name
    # With a dot in the place of the dash it is no short name's.
    return f"{_ROLE}.{hashlib.sha256(secret_name.encode()).hexdigest()}"


class _TwiceError(ValueError):
    """A name is given twice in an object, and readers differ in which one they take."""


def _parsed(messaging: str) -> Any:
    return json.loads(messaging, object_pairs_hook=_each_once, parse_constant=_no_number)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError
        found[name] = value
    return found


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _missing_of(endpoint: dict[str, Any]) -> Iterator[str]:
    yield from _missing_text(endpoint, "uri", "uri")
    credentials = endpoint.get("oa2")
    for name in _CREDENTIALS:
        yield from _missing_text(credentials if isinstance(credentials, dict) else {}, name, f"oa2.{name}")


def _missing_text(fields: dict[str, Any], name: str, path: str) -> Iterator[str]:
    where = f"{path} of the {_REST_BROKER} endpoint in key messaging"
    if name not in fields:
        yield where
    elif not isinstance(fields[name], str) or not fields[name].strip():
        yield f"text in {where}"


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
    """Return a sentence with two commands for a shell, in which every name is one word."""
    role = role_name(key.name)
    create = ["kubectl", "-n", key.namespace, "create"]
    allow = [*create, "role", role, "--verb=get,list,watch", "--resource=secrets"]
    allow += [f"--resource-name={key.name}"]
    bind = [*create, "rolebinding", role, f"--role={role}", f"--serviceaccount={namespace}:{MANAGER_ACCOUNT}"]
    return f"Secret {key} may not be read by the manager; allow it: {shlex.join(allow)} && {shlex.join(bind)}"
