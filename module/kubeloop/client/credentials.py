"""Find an API server and prove to it who we are, by kubeconfig or from inside a Pod."""

from __future__ import annotations

import base64
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Protocol

import yaml

from kubeloop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kubeloop.client.plugins import Plugin

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SERVICE_HOST: Final = "KUBERNETES_SERVICE_HOST"
SERVICE_PORT: Final = "KUBERNETES_SERVICE_PORT"

_LEFT_TO_PLUGINS: Final = ("exec", "auth-provider")

# What comes of a kubeconfig of which no sense can be made; most of it is not raised on purpose.
_UNUSABLE = (yaml.YAMLError, ssl.SSLError, OSError, ValueError, TypeError, AttributeError, KeyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How connections to an API server are made."""

    tls: ssl.SSLContext | None
    """None where the server has no certificate."""

    server_name: str | None = None
    """The name in the server's certificate, where it is another than in its URL."""

    proxy: str | None = None
    """URL of the proxy that the configuration names."""


class Credentials(Protocol):
    """Say where the API server is and how requests to it are authenticated."""

    @property
    def server(self) -> str:
        """URL of the API server."""

    async def transport(self) -> Transport:
        """Return how to connect; raise ConfigurationError where the credentials are not to be had."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A cluster, a user or a context of a kubeconfig, and the folder that its paths start from."""

    values: dict[str, Any]
    folder: Path

    def file(self, field: str, scratch: Path) -> str | None:
        """Return the path of a file that is named or given inline, None where neither is."""
        data = self.values.get(f"{field}-data")
        if data:
            written = scratch / field
            written.touch(mode=0o600)
            written.write_bytes(base64.standard_b64decode(data))
            return str(written)
        if not self.values.get(field):
            return None
        path = self.folder / self.values[field]
        if not path.is_file():
            raise ValueError(f"its {field} {path} does not exist")
        return str(path)


class KubeconfigCredentials:
    """Authenticate as one context of a kubeconfig; several paths, joined as in $KUBECONFIG, are merged."""

    def __init__(self, paths: str, context: str | None = None) -> None:
        self._paths = paths
        found = [Path(path).expanduser() for path in paths.split(os.pathsep) if path]
        files = [path.absolute() for path in found if path.is_file()]
        if not files:
            raise ConfigurationError(f"there is no kubeconfig at {paths}; $KUBECONFIG or an option names one")
        try:
            kubeconfig = _Kubeconfig(files)
            chosen = kubeconfig.entry("context", context or kubeconfig.current_context).values
            self._cluster = kubeconfig.entry("cluster", chosen["cluster"])
            self._user = kubeconfig.entry("user", chosen["user"])
            self._server = str(self._cluster.values["server"]).rstrip("/")
            self._token_file = self._find_token_file()
            self._plugin = self._find_plugin()
        except _UNUSABLE as error:
            raise self._unusable(error) from error

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._server

    async def transport(self) -> Transport:
        """Return how to connect, having run the exec plugin if there is one."""
        if self._plugin is not None:
            try:
                await self._plugin.load()
            except _UNUSABLE as error:
                raise self._unusable(error) from error
        return Transport(
            tls=self._tls(prove=True),
            server_name=self._cluster.values.get("tls-server-name") or None,
            proxy=self._cluster.values.get("proxy-url") or None,
        )

    def trust(self) -> ssl.SSLContext | None:
        """Return what tells the server from others and proves nothing to it; None where it is not https."""
        return self._tls(prove=False)

    async def authorization(self) -> str | None:
        """Return the Authorization header as of now."""
        if self._plugin is not None:
            return await self._plugin.authorization()
        if self._token_file is not None:
            return f"Bearer {self._token_file.read()}"
        user = self._user.values
        if user.get("token"):
            return f"Bearer {str(user['token']).strip()}"
        if user.get("username"):
            pair = f"{user['username']}:{user.get('password', '')}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return None

    def _tls(self, *, prove: bool) -> ssl.SSLContext | None:
        if not self._server.startswith("https:"):
            return None
        # Python takes keys from files only; none of them stays, as one who is killed could not remove them.
        with TemporaryDirectory(prefix="kubeconfig-") as folder:
            try:
                return self._tls_by_files(Path(folder), prove=prove)
            except _UNUSABLE as error:
                raise self._unusable(error) from error

    def _tls_by_files(self, scratch: Path, *, prove: bool) -> ssl.SSLContext:
        tls = ssl.create_default_context(cafile=self._cluster.file("certificate-authority", scratch))
        if self._cluster.values.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        certificate = self._certificate(scratch) if prove else None
        if certificate is not None:
            tls.load_cert_chain(*certificate)
        return tls

    def _certificate(self, scratch: Path) -> tuple[str, str | None] | None:
        if self._plugin is not None and self._plugin.certificate is not None:
            return self._plugin.certificate
        certificate = self._user.file("client-certificate", scratch)
        return None if certificate is None else (certificate, self._user.file("client-key", scratch))

    def _find_token_file(self) -> TokenFile | None:
        path = self._user.values.get("tokenFile")
        # As in client-go, the file wins over a token written beside it: it is the one that is renewed.
        return TokenFile(self._user.folder / path) if path else None

    def _find_plugin(self) -> Plugin | None:
        if all(self._user.values.get(field) is None for field in _LEFT_TO_PLUGINS):
            return None
        # Imported by those who need it: it takes half a second and 40 MB.
        from kubeloop.client.plugins import Plugin  # noqa: PLC0415

        return Plugin(self._user.values, self._user.folder)

    def _unusable(self, cause: object) -> ConfigurationError:
        told = f"it has no {cause}" if isinstance(cause, KeyError) else cause
        return ConfigurationError(f"kubeconfig {self._paths} is unusable: {told}")


class _Kubeconfig:
    """The files of a kubeconfig, of which the first that says something counts."""

    def __init__(self, files: list[Path]) -> None:
        self._documents = [(path.parent, yaml.safe_load(path.read_text())) for path in files]

    @property
    def current_context(self) -> str:
        found = (document.get("current-context") for _, document in self._documents)
        chosen = next(filter(None, found), None)
        if chosen is None:
            raise ValueError("it has no current-context")
        return str(chosen)

    def entry(self, section: str, name: str) -> _Entry:
        """Return a cluster, a user or a context by its name."""
        for folder, item in self._items(section):
            if item["name"] == name:
                return _Entry(values={**item[section]}, folder=folder)
        raise ValueError(f"it has no {section} {name!r}")

    def _items(self, section: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        for folder, document in self._documents:
            for item in document.get(f"{section}s") or ():
                yield folder, item


class InClusterCredentials:
    """Authenticate as the service account of the Pod this runs in."""

    def __init__(self, folder: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] = os.environ) -> None:
        self._token_file = TokenFile(folder / "token")
        try:
            host, port = environment[SERVICE_HOST], environment[SERVICE_PORT]
            self._server = f"https://{f'[{host}]' if ':' in host else host}:{int(port)}"
            self._tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
            self._token_file.read()
        except (ConfigurationError, *_UNUSABLE) as error:
            raise ConfigurationError(
                f"the Pod's service account is unusable, as found in {folder} and ${SERVICE_HOST}: {error}"
            ) from error

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._server

    async def transport(self) -> Transport:
        """Return how to connect."""
        return Transport(tls=self._tls)

    async def authorization(self) -> str | None:
        """Return the Authorization header as of now; the kubelet renews the token about hourly."""
        return f"Bearer {self._token_file.read()}"


def credentials_from_environment(context: str | None = None) -> Credentials:
    """Return the credentials which kubectl would use here: $KUBECONFIG, the Pod's, or ~/.kube/config."""
    paths = os.environ.get("KUBECONFIG")
    if not paths and SERVICE_HOST in os.environ:
        return InClusterCredentials()
    return KubeconfigCredentials(paths or str(Path.home() / ".kube" / "config"), context)
