"""The name and password that clients of NATS need: generated once, and kept in a Secret."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventing_manager.api.names import NATS_SECRET
from eventing_manager.errors import CredentialsError
from kubeloop.errors import NotFoundError
from kubeloop.kinds import SECRET
from kubeloop.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventing_manager.observe.copies import Copies
    from kubeloop.client import Client
    from kubeloop.resource import Object

USER: Final = "eventing"
_LENGTH: Final = 32
_ALPHABET: Final = string.ascii_letters + string.digits

_LONGEST: Final = 1024
"""Bytes of a password: all that a client says to connect has to fit into 4 KiB."""

_HASH: Final = re.compile(r"\$2[abxy]\$\d{2}\$")
"""What NATS takes for the hash of a password, which is then not what a client has to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client authenticates with."""

    user: str
    password: str = field(repr=False)
    salt: str = field(default="", repr=False)
    """What keeps the digest of the password on the StatefulSet from being guessed."""

    def values(self) -> dict[str, str]:
        """Return them as values of the chart."""
        return {"user": self.user, "password": self.password, "salt": self.salt}


def generated() -> str:
    """Return a text that nobody can guess."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


class CredentialsKeeper:
    """Know the credentials that the chart is to be rendered with.

    The Secret in the cluster has the last word: it survives the manager, and whoever edits it changes the
    password. One that is gone or unusable gets back what was known of it.
    """

    def __init__(
        self,
        client: Client,
        copies: Copies,
        namespace: str,
        *,
        generate: Callable[[], str] = generated,
    ) -> None:
        self._client = client
        self._copies = copies
        self._key = ObjectKey(namespace, NATS_SECRET)
        self._generate = generate
        self._known: Credentials | None = None

    async def current(self) -> Credentials:
        """Return the credentials that are in force; generate them where there never were any.

        Raises CredentialsError where somebody wrote what NATS cannot be told.
        """
        secret = self._copies.find(SECRET, self._key)
        if secret is None and self._known is None:
            # The copy may be late, and a new password would restart NATS.
            secret = await self._read()
        user, password = _text(secret, "username"), _text(secret, "password")
        if user and password:
            _require_fit(self._key, user, password)
            known_salt = self._known.salt if self._known else ""
            salt = _text(secret, "salt")
            if not salt or len(salt.encode()) > _LONGEST:
                salt = known_salt or self._generate()
            self._known = Credentials(user=user, password=password, salt=salt)
        elif self._known is None:
            self._known = Credentials(user=USER, password=self._generate(), salt=self._generate())
        return self._known

    async def _read(self) -> Object | None:
        try:
            return await self._client.get(SECRET, self._key.name, self._key.namespace)
        except NotFoundError:
            return None


def _text(secret: Object | None, key: str) -> str:
    """Return a value of a Secret, empty where there is none or it is not text."""
    try:
        return base64.b64decode(((secret or {}).get("data") or {})[key]).decode()
    except (KeyError, binascii.Error, ValueError):
        return ""


def _require_fit(key: ObjectKey, user: str, password: str) -> None:
    """Raise CredentialsError for what NATS would understand otherwise than its clients."""
    where = f"Secret {key}: "
    if _HASH.match(password):
        raise CredentialsError(
            f"{where}NATS takes a password that begins with {password[:4]} for the hash of one, and nobody"
            " could log in with it; choose another one"
        )
    if len(password.encode()) > _LONGEST or len(user.encode()) > _LONGEST:
        raise CredentialsError(f"{where}username and password may have {_LONGEST} bytes; choose shorter ones")
