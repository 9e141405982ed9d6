"""Have the official client ask for credentials that a kubeconfig leaves to a program or a provider.

The one module that imports the package ``kubernetes``, and imported only where a kubeconfig has need of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.kube_config import KubeConfigLoader

from kubeloop.client.kubeconfig import kubeconfig_of

if TYPE_CHECKING:
    from pathlib import Path


class Plugin:
    """Credentials of an exec plugin or of an auth provider."""

    def __init__(self, user: dict[str, Any], folder: Path) -> None:
        self._is_exec = "exec" in user
        # All else of the kubeconfig is our own business: the loader would leave its keys in /tmp.
        kubeconfig = kubeconfig_of({"server": "http://of-no-interest"}, user)
        self._loader = KubeConfigLoader(kubeconfig, config_base_path=str(folder))

    @property
    def certificate(self) -> tuple[str, str] | None:
        """The files of a client certificate and its key, where that is what the plugin gave."""
        if not hasattr(self._loader, "cert_file"):
            return None
        return self._loader.cert_file, self._loader.key_file

    async def load(self) -> None:
        """Ask; raise ValueError where nothing comes of it."""
        try:
            await self._loader.load_and_set(Configuration())
        except ConfigException as error:
            raise ValueError(str(error)) from error
        if self._is_exec and not (hasattr(self._loader, "token") or self.certificate):
            raise ValueError("its exec plugin gave no credentials; run it by hand to see why")

    async def authorization(self) -> str | None:
        """Return the Authorization header as of now, asking again where what was given has run out."""
        if hasattr(self._loader, "exec_plugin_expiry"):
            await self._loader.load_from_exec_plugin()
        token: str | None = getattr(self._loader, "token", None)
        return token.strip() if token else None
