"""Push and pull blobs and manifests at an OCI registry, by the distribution API's minimum."""

import asyncio
import base64
import binascii
import hashlib
import io
import ipaddress
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self

import aiohttp
from yarl import URL

from kyma_harness.kyma.errors import (
    BlobNotFoundError,
    DigestMismatchError,
    RegistryDownError,
    RegistryError,
    RegistryRefusedError,
)
from kyma_harness.oci.bundle import MANIFEST_TYPE, Artifact, Blob, Bundle, artifact

PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""RFC 1918, as module-manager's registry client has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in a registry, as in ``localhost:5001/unsigned``."""

    host: str
    """Host and port."""
    prefix: str
    insecure: bool = False
    """Whether plain http, and https that nobody vouches for, will do wherever it is."""

    @classmethod
    def parse(cls, text: str, *, insecure: bool = False) -> Self:
        """Split ``host:port/prefix``; a scheme is refused, as module-manager cannot parse one."""
        if "://" in text:
            bare = text.partition("://")[2]
            raise RegistryError(
                f"registry {text}: leave the scheme out, as module-manager cannot parse it: {bare}"
            )
        host, _, prefix = text.strip("/").partition("/")
        if not host:
            raise RegistryError(f"registry {text!r} has no host; write host:port or host:port/prefix")
        return cls(host=host, prefix=prefix, insecure=insecure)

    def repository(self, name: str) -> str:
        """Return a repository's full name under the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name

    @property
    def schemes(self) -> tuple[str, ...]:
        """What is tried, in order: plain http where module-manager's client does so, too, or on demand."""
        return ("https", "http") if self.insecure or _is_local(self.host) else ("https",)


def _is_local(host: str) -> bool:
    """Tell whether ggcr, the client in module-manager, would fall back to http (contract 3.4)."""
    name = host.rpartition(":")[0].strip("[]") if _has_port(host) else host.strip("[]")
    if name == "localhost" or name.endswith((".localhost", ".local")):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in PRIVATE)


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and not host.endswith("]")


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


SCHEME = "bearer "
PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def challenge_of(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return realm and service of a ``WWW-Authenticate: Bearer``; None for any other challenge.

    A realm that is no URL leads nowhere, so that is another one, too.
    """
    said = headers.get("WWW-Authenticate", "")
    if not said.lower().startswith(SCHEME):
        return None
    parameters = dict(PARAMETER.findall(said[len(SCHEME) :]))
    return parameters if parameters.get("realm", "").startswith(("https://", "http://")) else None


async def fetch_token(
    session: aiohttp.ClientSession, challenge: Mapping[str, str], login: Mapping[str, str]
) -> str:
    """Ask the realm for a token with the scope of the challenge; ``login`` is who we are, if anybody."""
    realm = URL(challenge.get("realm", ""))
    if not realm.is_absolute():
        raise RegistryRefusedError(
            f"the registry asks for a token from {realm or 'nowhere'}, which is no URL"
        )
    query = {key: challenge[key] for key in ("service", "scope") if challenge.get(key)}
    async with session.get(realm.update_query(query), headers=login) as response:
        if not response.ok:
            raise RegistryRefusedError(
                f"{realm.host} gives no token for {query.get('scope', 'the registry')}: {response.status} "
                f"{response.reason}; run `docker login` as a user with the right to do this"
            )
        answer = await response.json(content_type=None)
    token: str = answer.get("token") or answer.get("access_token") or ""
    return token


RAW_UPLOAD = "application/octet-stream"
SECONDS = 60.0
"""For which nothing may move, in either direction; how long all of it takes depends on its size."""
CONNECTING_SECONDS = 10.0


class Registry:
    """One registry that answered; made by :func:`connect`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        base: URL,
        location: Location,
        login: dict[str, str],
        challenge: dict[str, str] | None,
    ) -> None:
        self._session = session
        self._base = base
        self._location = location
        self._login = login
        self._challenge = challenge
        self._tokens: dict[str, str] = {}

    async def pull_blob(self, name: str, digest: str) -> bytes:
        """Return a blob's bytes, checked against the digest it was asked for by."""
        repository = self._location.repository(name)
        what = f"blob {digest} of {repository}"
        async with self._request("GET", f"{repository}/blobs/{digest}", what) as response:
            content = await response.read()
        found = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if found != digest:
            raise DigestMismatchError(
                f"registry {self._location.host}: {what} has the digest {found}: what lies there is damaged "
                "or was changed; push the bundle again"
            )
        return content

    async def pull_manifest(self, name: str, reference: str) -> bytes:
        """Return the manifest of a tag or digest."""
        repository = self._location.repository(name)
        what = f"manifest {repository}:{reference}"
        async with self._request("GET", f"{repository}/manifests/{reference}", what) as response:
            return await response.read()

    async def push_blob(self, name: str, blob: Blob) -> None:
        """Upload a blob in one piece, unless the registry has it."""
        repository = self._location.repository(name)
        what = f"blob {blob.digest} to {repository}"
        if await self._has_blob(repository, blob.digest):
            return
        async with self._request("POST", f"{repository}/blobs/uploads/", what) as response:
            upload = response.url.join(URL(response.headers["Location"], encoded=True))
        target = upload.update_query(digest=blob.digest)
        async with self._send("PUT", target, what, data=blob.content, media_type=RAW_UPLOAD):
            return

    async def push_manifest(self, name: str, reference: str, manifest: Blob) -> None:
        """Upload a manifest under a tag or its digest; its blobs have to be there."""
        repository = self._location.repository(name)
        url = self._base / "v2" / repository / "manifests" / reference
        what = f"manifest to {repository}:{reference}"
        async with self._send("PUT", url, what, data=manifest.content, media_type=manifest.media_type):
            return

    async def _has_blob(self, repository: str, digest: str) -> bool:
        try:
            async with self._request("HEAD", f"{repository}/blobs/{digest}", f"blob {digest}"):
                return True
        except BlobNotFoundError:
            return False

    @asynccontextmanager
    async def _request(self, method: str, path: str, what: str) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._send(method, URL(f"{self._base}v2/{path}"), what) as response:
            yield response

    @asynccontextmanager
    async def _send(
        self, method: str, url: URL, what: str, *, data: bytes | None = None, media_type: str | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": f"{MANIFEST_TYPE}, */*"} | ({"Content-Type": media_type} if media_type else {})
        try:
            async with AsyncExitStack() as open_until_read:
                answer = await self._answer(open_until_read, method, url, data, headers)
                if answer.status == HTTPStatus.UNAUTHORIZED and self._tokens.pop(_scope(method, url), ""):
                    # A token lives for some minutes, and an upload may take longer.
                    answer = await self._answer(open_until_read, method, url, data, headers)
                await _check(answer, self._location.host, f"{method} {what}")
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RegistryDownError(_no_answer(self._location.host, f"{method} {what}", error)) from error

    async def _answer(
        self, stack: AsyncExitStack, method: str, url: URL, data: bytes | None, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        """Send a request, and return its answer, which is open for as long as the stack is."""
        is_ours = url.origin() == self._base.origin()  # an upload may go elsewhere, our login may not
        async with while_it_moves(SECONDS) as moved:
            known = await self._authorization(method, url) if is_ours else {}
            body = None if data is None else Body(data, moved)
            requested = self._session.request(method, url, data=body, headers=headers | known)
            return await stack.enter_async_context(requested)

    async def _authorization(self, method: str, url: URL) -> dict[str, str]:
        """Return our login, or the token that the registry wants in its place for this repository."""
        if self._challenge is None:
            return self._login
        scope = _scope(method, url)
        if scope not in self._tokens:
            challenge = {**self._challenge, "scope": scope}
            self._tokens[scope] = await fetch_token(self._session, challenge, self._login)
        return {"Authorization": f"Bearer {self._tokens[scope]}"}


class Body(io.BytesIO):
    """What is sent: in pieces, as bytes by themselves would be written with the event loop standing still.

    ``moved`` is called for each piece that the connection takes.
    """

    def __init__(self, data: bytes, moved: Callable[[], None]) -> None:
        super().__init__(data)
        self._moved = moved

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece."""
        self._moved()
        return super().read(size)


@asynccontextmanager
async def while_it_moves(seconds: float) -> AsyncIterator[Callable[[], None]]:
    """Raise TimeoutError where the function that this gives is not called for so many seconds."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as limit:
        yield lambda: limit.reschedule(loop.time() + seconds)


@asynccontextmanager
async def connect(location: Location, credentials: Credentials | None = None) -> AsyncIterator[Registry]:
    """Find the scheme the registry speaks, https first, and keep a session to it open."""
    known = credentials or docker_credentials(location.host)
    login = {"Authorization": aiohttp.encode_basic_auth(known.user, known.password)} if known else {}
    connector = aiohttp.TCPConnector(ssl=not location.insecure)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECTING_SECONDS, sock_read=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        base, challenge = await _ping(session, location, login)
        yield Registry(session, base=base, location=location, login=login, challenge=challenge)


async def push(
    bundle: Bundle, registry: str, *, base_url: str | None = None, insecure: bool = False
) -> Artifact:
    """Push a bundle and return it as it lies in the registry.

    ``registry`` is ``host:port/prefix`` as we reach it; ``base_url`` the same as the cluster reaches it,
    which the descriptor names. All blobs come before the manifest, so that a broken push leaves no tag.
    """
    location = Location.parse(registry, insecure=insecure)
    packed = artifact(bundle, base_url or registry)
    async with connect(location) as opened:
        async with asyncio.TaskGroup() as group:
            for blob in packed.blobs:
                group.create_task(opened.push_blob(packed.repository, blob))
        await opened.push_manifest(packed.repository, packed.tag, packed.manifest)
    return packed


async def _ping(
    session: aiohttp.ClientSession, location: Location, login: dict[str, str]
) -> tuple[URL, dict[str, str] | None]:
    """Return where the registry answers, and its challenge where it wants tokens."""
    failures = []
    for scheme in location.schemes:
        base = URL(f"{scheme}://{location.host}/")
        try:
            async with session.get(base / "v2/", headers=login) as response:
                challenge = challenge_of(response.headers)
                if challenge is None or response.status != HTTPStatus.UNAUTHORIZED:
                    await _check(response, location.host, "GET /v2/")
                    return base, None
                return base, challenge
        except (aiohttp.ClientError, TimeoutError) as error:
            failures.append(f"{scheme}: {error or type(error).__name__}")
    hint = (
        ""
        if "http" in location.schemes
        else "; plain http is spoken with localhost and *.localhost, or with --insecure"
    )
    raise RegistryDownError(
        f"registry {location.host} does not answer ({'; '.join(failures)}): start it, or name another{hint}"
    )


def _scope(method: str, url: URL) -> str:
    return f"repository:{_repository_of(url)}:{'pull' if method in {'GET', 'HEAD'} else 'pull,push'}"


def _repository_of(url: URL) -> str:
    """Return the repository in the path of a request, which is between /v2/ and what is asked of it."""
    path = url.path.removeprefix("/v2/")
    for part in ("/blobs/", "/manifests/"):
        path = path.partition(part)[0]
    return path


async def _check(response: aiohttp.ClientResponse, host: str, what: str) -> None:
    if response.status < HTTPStatus.BAD_REQUEST:
        return
    said = (await response.text()).strip()[:300] or response.reason
    match response.status:
        case HTTPStatus.NOT_FOUND:
            raise BlobNotFoundError(f"registry {host}: {what}: not there; push the bundle to this registry")
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            raise RegistryRefusedError(
                f"registry {host}: {what}: {response.status} {said}; run `docker login {host}` as a user "
                "with the right to do this"
            )
        case _:
            raise RegistryRefusedError(
                f"registry {host}: {what}: {response.status} {said}; look into the registry's log"
            )


def _no_answer(host: str, what: str, error: Exception) -> str:
    said = str(error) or f"nothing moved for {SECONDS:g} s"
    return f"registry {host}: {what}: {said}: is it still running?"
