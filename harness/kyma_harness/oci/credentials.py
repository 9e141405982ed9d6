"""Read registry credentials where ``docker login`` leaves them."""

import base64
import binascii
import json
import os
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.kyma.errors import RegistryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user of a registry; the password stays out of every message."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r})"


def docker_credentials(host: str, config: Path | None = None) -> Credentials | None:
    """Return what ``$DOCKER_CONFIG/config.json`` (default ``~/.docker``) knows of ``host:port``, or nothing.

    Credential helpers are not asked.
    """
    path = config or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        encoded = data.get("auths", {}).get(host, {}).get("auth")
        if not encoded:
            return None
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, binascii.Error, OSError) as error:
        raise RegistryError(f"{path} is not a Docker configuration ({error}): repair or remove it") from None
    return Credentials(user=user, password=password)
