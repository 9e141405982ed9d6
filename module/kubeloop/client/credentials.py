"""Find an API server and prove to it who we are, by kubeconfig or from inside a Pod."""

from __future__ import annotations

import base64
import os
import ssl
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_HOST_ENV_NAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)
from kubernetes.aio.config.kube_config import (
    ENV_KUBECONFIG_PATH_SEPARATOR,
    KubeConfigLoader,
    KubeConfigMerger,
)

from kubeloop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

# What the library raises for a kubeconfig it cannot make sense of; most of it not on purpose.
_UNUSABLE = (
    ConfigException,
    yaml.YAMLError,
    ssl.SSLError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
)


class Credentials(Protocol):
    """Say where the API server is and how requests to it are authenticated."""

    @property
    def server(self) -> str:
        """URL of the API server."""

    def configured(self) -> AbstractAsyncContextManager[Configuration]:
        """Lend the library's configuration; the key files it names are gone afterwards."""

    async def authorization(self) -> str | None:
        """Return the Authorization header as of now, None where a client certificate is all there is."""


class TokenFile:
    """Read a token that is rotated under us: again whenever the file is another one."""

    __slots__ = ("_path", "_seen", "_token")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._token = ""

    def read(self) -> str:
        """Return the current token; raise ConfigurationError if there is none."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                self._token, self._seen = self._path.read_text().strip(), seen
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"the token file {self._path} cannot be read: {error}") from error
        if not self._token:
            raise ConfigurationError(f"the token file {self._path} is empty")
        return self._token


class KubeconfigCredentials:
    """Authenticate as one context of a kubeconfig; several paths, joined as in $KUBECONFIG, are merged."""

    def __init__(self, paths: str, context: str | None = None) -> None:
        self._paths = paths
        self._require_a_file()
        try:
            config = KubeConfigMerger(paths).config
            self._loader = KubeConfigLoader(config, active_context=context, config_base_path=None)
            chosen = self._loader.current_context["context"]
            self._cluster: dict[str, Any] = (
                config["clusters"].get_with_name(chosen["cluster"])["cluster"].value
            )
            self._server = str(self._cluster["server"]).rstrip("/")
            user = config["users"].get_with_name(chosen["user"])["user"]
            self._user: dict[str, Any] = user.value
            self._folder = Path(user.path or ".").absolute().parent
        except _UNUSABLE as error:
            raise self._unusable(error) from error
        self._token_file = self._find_token_file()

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._server

    @asynccontextmanager
    async def configured(self) -> AsyncIterator[Configuration]:
        """Lend the library's configuration, having run the exec plugin if there is one."""
        configuration = Configuration()
        with TemporaryDirectory(prefix="kubeconfig-") as folder:
            try:
                self._write_inline_data(Path(folder))
                await self._loader.load_and_set(configuration)
            except _UNUSABLE as error:
                raise self._unusable(error) from error
            if "exec" in self._user and not (hasattr(self._loader, "token") or configuration.cert_file):
                raise self._unusable("its exec plugin gave no credentials; run it by hand to see why")
            yield configuration

    async def authorization(self) -> str | None:
        """Return the Authorization header as of now."""
        if self._token_file is not None:
            return f"Bearer {self._token_file.read()}"
        if hasattr(self._loader, "exec_plugin_expiry"):
            await self._loader.load_from_exec_plugin()
        token: str | None = getattr(self._loader, "token", None)
        return token.strip() if token else None

    def _require_a_file(self) -> None:
        paths = [Path(path).expanduser() for path in self._paths.split(ENV_KUBECONFIG_PATH_SEPARATOR) if path]
        if not any(path.is_file() for path in paths):
            raise ConfigurationError(
                f"there is no kubeconfig at {self._paths}; $KUBECONFIG or an option names one"
            )

    def _find_token_file(self) -> TokenFile | None:
        path = self._user.get("tokenFile")
        # As in client-go, the file wins over a token written beside it: it is the one that is renewed.
        return TokenFile(self._folder / path) if path else None

    def _write_inline_data(self, folder: Path) -> None:
        """Put inline certificates and key into files of ours: the library would leave them in /tmp."""
        for section, field in (
            (self._cluster, "certificate-authority"),
            (self._user, "client-certificate"),
            (self._user, "client-key"),
        ):
            data = section.pop(f"{field}-data", None)
            if data is not None:
                path = folder / field
                path.touch(mode=0o600)
                path.write_bytes(base64.standard_b64decode(data))
                section[field] = str(path)

    def _unusable(self, cause: object) -> ConfigurationError:
        return ConfigurationError(f"kubeconfig {self._paths} is unusable: {cause}")


class InClusterCredentials:
    """Authenticate as the service account of the Pod this runs in."""

    def __init__(self) -> None:
        self._configuration = Configuration()
        self._token_file = TokenFile(Path(SERVICE_TOKEN_FILENAME))
        try:
            InClusterConfigLoader(
                SERVICE_TOKEN_FILENAME, SERVICE_CERT_FILENAME, try_refresh_token=False
            ).load_and_set(self._configuration)
        except _UNUSABLE as error:
            raise ConfigurationError(f"the Pod's service account is unusable: {error}") from error

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self._configuration.host)

    @asynccontextmanager
    async def configured(self) -> AsyncIterator[Configuration]:
        """Lend the library's configuration."""
        yield self._configuration

    async def authorization(self) -> str | None:
        """Return the Authorization header as of now; the kubelet renews the token about hourly."""
        return f"Bearer {self._token_file.read()}"


def credentials_from_environment(context: str | None = None) -> Credentials:
    """Return the credentials which kubectl would use here: $KUBECONFIG, the Pod's, or ~/.kube/config."""
    paths = os.environ.get("KUBECONFIG")
    if not paths and SERVICE_HOST_ENV_NAME in os.environ:
        return InClusterCredentials()
    return KubeconfigCredentials(paths or str(Path.home() / ".kube" / "config"), context)
