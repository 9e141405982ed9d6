"""The name and password that clients of NATS need: generated once, and kept in a Secret."""

from __future__ import annotations

import base64
import binascii
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventing_manager.names import NATS_SECRET
from kubeloop.errors import NotFoundError
from kubeloop.kinds import SECRET
from kubeloop.resource import ObjectKey

if TYPE_CHECKING:
    from eventing_manager.installation import Installation
    from kubeloop.client import Client
    from kubeloop.resource import Object

USER: Final = "eventing"
_PASSWORD_LENGTH: Final = 32
_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client authenticates with."""

    user: str
    password: str = field(repr=False)


class CredentialsKeeper:
    """Know the credentials that the chart is to be rendered with.

    The Secret in the cluster has the last word: it survives the manager, and whoever edits it changes the
    password. One that is gone or unusable gets back what was known of it.
    """

    def __init__(self, client: Client, installation: Installation, namespace: str) -> None:
        self._client = client
        self._installation = installation
        self._key = ObjectKey(namespace, NATS_SECRET)
        self._known: Credentials | None = None

    async def current(self) -> Credentials:
        """Return the credentials that are in force; generate them where there never were any."""
        secret = self._installation.copy_of(SECRET, self._key)
        if secret is None and self._known is None:
            # The copy may be late, and a new password would restart NATS.
            secret = await self._read()
        self._known = _credentials_in(secret) or self._known or _generated()
        return self._known

    async def _read(self) -> Object | None:
        try:
            return await self._client.get(SECRET, self._key.name, self._key.namespace)
        except NotFoundError:
            return None


def _credentials_in(secret: Object | None) -> Credentials | None:
    """Return the credentials of a Secret, None where it lacks one of them."""
    data = (secret or {}).get("data") or {}
    try:
        user, password = (base64.b64decode(data[key]).decode() for key in ("username", "password"))
    except (KeyError, binascii.Error, ValueError):
        return None
    return Credentials(user=user, password=password) if user and password else None


def _generated() -> Credentials:
    password = "".join(secrets.choice(_ALPHABET) for _ in range(_PASSWORD_LENGTH))
    return Credentials(user=USER, password=password)
