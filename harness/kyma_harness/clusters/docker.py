"""Talk to a Docker daemon: is it there, build, load, push, logs, and the registry beside a cluster."""

import asyncio
import io
import os
import socket
import tarfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

from kyma_harness.clusters.errors import BuildError, DockerError
from kyma_harness.host.extras import lacking

CLUSTER_LABEL = "kyma-harness.io/cluster"
"""The cluster's name."""
OWNER_LABEL = "kyma-harness.io/owner"
"""The host and the folder of the run that made it: a daemon may serve several."""


def owner_of(folder: Path) -> str:
    """Return the owner as the label has it, for a cluster with this state folder."""
    return f"{socket.gethostname()}:{folder}"


def labels_of(cluster: str, folder: Path) -> dict[str, str]:
    """Return both labels."""
    return {CLUSTER_LABEL: cluster, OWNER_LABEL: owner_of(folder)}


try:
    import docker
    import requests
    from docker.errors import APIError, DockerException, ImageNotFound
except ModuleNotFoundError as error:
    LACKING = lacking(error)
    """What to say to who connects; nothing after this is reached then."""
else:
    LACKING = ""

DEFAULT_HOST = "unix:///var/run/docker.sock"
TIMEOUT_SECONDS = 60
BUILD_TIMEOUT_SECONDS = 1200
MEND = """
Mend what the last step says, or have the image assembled without Docker's help: --harness-image=assembled \
(--image on the command line)"""
SHOWN_WHOLE = 10
"""From how many megabytes on tenths tell nothing."""
BRING = "load it with `docker load`, name another where it can be had, or connect to the internet"
_NOT_TO_BE_HAD = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.FORBIDDEN)
"""Not there, in use, or in use by a network's endpoints."""
Say = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What we ask of a container."""

    name: str
    labels: Mapping[str, str]
    running: bool
    addresses: Mapping[str, str]
    """Its IP address in each network it is in."""
    ports: Mapping[str, str]
    """The host port of each published port, such as ``{"5000/tcp": "5001"}``."""

    def published(self, port: int) -> str | None:
        """Return the host port of a TCP port; nothing where it is not published, as while it is stopped."""
        return self.ports.get(f"{port}/tcp")


class Docker:
    """One daemon that answered; every call runs in a thread, as the library blocks."""

    def __init__(self, client: Any, version: str) -> None:
        self._client = client
        self.version = version

    @classmethod
    @asynccontextmanager
    async def connect(cls) -> AsyncIterator[Self]:
        """Connect as ``$DOCKER_HOST`` says, or raise :class:`DockerError` with what to do."""
        client = await asyncio.to_thread(_connected)
        try:
            version = await _asked("its version", client.version)
            yield cls(client, str(version["Version"]))
        finally:
            await asyncio.to_thread(client.close)

    async def container(self, name: str) -> Container | None:
        """Return a container by name, running or not; nothing where there is none."""
        found = await self._found(name)
        return _described(found) if found else None

    async def containers(self, label: str) -> list[Container]:
        """Return the containers with a label, ``key`` or ``key=value``, stopped ones included."""
        listed = partial(
            self._client.containers.list, all=True, filters={"label": label}, ignore_removed=True
        )
        return [_described(one) for one in await _asked(f"containers with label {label}", listed)]

    async def run_registry(self, name: str, *, image: str, port: int, labels: Mapping[str, str]) -> None:
        """Start an OCI registry that answers on a port of 127.0.0.1."""
        with _explained(f"registry {name}"):
            await asyncio.to_thread(
                self._client.containers.run,
                image,
                name=name,
                detach=True,
                labels=dict(labels),
                ports={"5000/tcp": ("127.0.0.1", port)},
                restart_policy={"Name": "unless-stopped"},
            )

    async def connect_network(self, name: str, network: str) -> None:
        """Put a container into a network, where others find it by its name."""
        what = f"network {network} for container {name}"
        found = await _asked(what, self._client.networks.get, network)
        if name not in {one.get("Name") for one in (found.attrs.get("Containers") or {}).values()}:
            await _asked(what, found.connect, name)

    async def remove(self, name: str) -> None:
        """Stop and remove a container with its anonymous volumes; no error where there is none."""
        if container := await self._found(name):
            await _asked(f"container {name}", partial(container.remove, force=True, v=True), absent=True)

    async def remove_network(self, name: str) -> None:
        """Remove a network that no container is in; no error where there is none, or one is in use."""
        if network := await _asked(f"network {name}", self._client.networks.get, name, absent=True):
            await _asked(f"network {name}", network.remove, absent=True)

    async def remove_volume(self, name: str) -> None:
        """Remove a volume; no error where there is none, or one is in use."""
        if volume := await _asked(f"volume {name}", self._client.volumes.get, name, absent=True):
            await _asked(f"volume {name}", volume.remove, absent=True)

    async def logs(self, name: str) -> bytes:
        """Return what a container has written."""
        what = f"log of container {name}"
        container = await _asked(what, self._client.containers.get, name)
        return bytes(await _asked(what, partial(container.logs, timestamps=True)))

    async def write_file(self, container: str, path: Path, content: str) -> None:
        """Write a file into a running container, with the folders above it."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo(str(path).lstrip("/"))
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
        what = f"file {path} for container {container}"
        target = await _asked(what, self._client.containers.get, container)
        await _asked(what, target.put_archive, "/", buffer.getvalue())

    async def build(
        self, *, context: Path, dockerfile: Path, tag: str, say: Say, args: Mapping[str, str] | None = None
    ) -> None:
        """Build an image, through the proxies of Docker's own configuration where it has some.

        On failure :class:`BuildError` has the last lines of the build.
        """

        def build(given_up: Event) -> None:
            stream = self._client.api.build(
                path=str(context),
                dockerfile=str(dockerfile),
                tag=tag,
                buildargs=dict(args or {}),
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_TIMEOUT_SECONDS,
            )
            wanted = _while_wanted(stream, given_up)
            _follow(wanted, say, f"image {tag} cannot be built from {dockerfile}", remedy=MEND)

        with _explained(f"image {tag}"):
            await _streamed(build)

    async def image_id(self, reference: str) -> str:
        """Return the digest of an image's configuration, which tells its content."""
        with _explained(f"image {reference}"):
            return str((await asyncio.to_thread(self._client.images.get, reference)).id)

    async def remove_image(self, reference: str) -> None:
        """Take a name off an image, and remove one without names; no error where there is none."""
        await _asked(f"image {reference}", self._client.images.remove, reference, absent=True)

    async def tag(self, reference: str, repository: str, tag: str) -> None:
        """Give an image another name."""
        with _explained(f"image {reference}"):
            image = await asyncio.to_thread(self._client.images.get, reference)
            await asyncio.to_thread(image.tag, repository, tag)

    async def push(self, reference: str, say: Say) -> None:
        """Push an image to the registry in its name."""

        def push(given_up: Event) -> None:
            stream = self._client.api.push(reference, stream=True, decode=True)
            _follow(_while_wanted(stream, given_up), say, f"image {reference} cannot be pushed")

        with _explained(f"image {reference}"):
            await _streamed(push)

    async def has_image(self, reference: str) -> bool:
        """Tell whether the daemon has an image of this name."""
        return await _asked(f"image {reference}", self._client.images.get, reference, absent=True) is not None

    async def pull(self, reference: str, say: Say) -> None:
        """Pull an image, and say how far it has come; raises :class:`BuildError` with the daemon's reason."""

        def pull(given_up: Event) -> None:
            stream = self._client.api.pull(*_repository_and_tag(reference), stream=True, decode=True)
            pulled = Pulled()
            for event in _while_wanted(stream, given_up):
                if error := event.get("error"):
                    raise BuildError(f"image {reference} cannot be pulled: {error}", remedy=BRING)
                if said := pulled.told(event):
                    say(said)

        with _explained(f"image {reference}"):
            await _streamed(pull)

    async def load(self, archive: Path) -> None:
        """Load an image from a tar into the daemon."""

        def load(_: Event) -> None:
            with archive.open("rb") as file:
                self._client.images.load(file)

        with _explained(f"image archive {archive}"):
            await _streamed(load)

    async def _found(self, container: str) -> Any:
        """Return a container as the library has it; None where there is none."""
        return await _asked(f"container {container}", self._client.containers.get, container, absent=True)


@dataclass(slots=True)
class Pulled:
    """How much of an image was pulled, from what the daemon tells layer by layer."""

    done: dict[str, int] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)

    def told(self, event: Mapping[str, Any]) -> str:
        """Take one event, and return how far the pull is, such as ``12 of 96 MB``; empty while unknown.

        The daemon tells a layer's size when it begins with it, so that what is wanted may still grow.
        """
        layer, detail = event.get("id", ""), event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            self.done[layer], self.wanted[layer] = int(detail.get("current", 0)), int(detail["total"])
        elif event.get("status") == "Download complete" and layer in self.wanted:
            self.done[layer] = self.wanted[layer]
        else:
            return ""
        return f"{_megabytes(sum(self.done.values()))} of {_megabytes(sum(self.wanted.values()))} MB"


def _megabytes(count: int) -> str:
    millions = count / 1e6
    return f"{millions:.0f}" if millions >= SHOWN_WHOLE else f"{millions:.1f}"


def _repository_and_tag(reference: str) -> tuple[str, str | None]:
    """Take a reference apart as the daemon wants it; a digest stays with the repository's name."""
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag and "@" not in reference else (reference, None)


async def _asked(what: str, ask: Callable[..., Any], *given: Any, absent: bool = False) -> Any:
    """Ask the daemon in a thread; None where there is no such thing, or it is in use, and ``absent`` is on.

    Raises :class:`DockerError` in a sentence for whatever else the library raises.
    """
    try:
        return await asyncio.to_thread(ask, *given)
    except APIError as error:
        if absent and error.status_code in _NOT_TO_BE_HAD:
            return None
        raise DockerError(f"{what}: Docker refuses: {error.explanation or error}") from None
    except (DockerException, requests.RequestException, OSError) as error:
        raise DockerError(f"{what}: the Docker daemon stopped answering: {error}") from None


async def _streamed(work: Callable[[Event], None]) -> None:
    """Do what may take minutes in a thread that nobody waits for who gives it up, or ends the program.

    The work is told by its event that it was given up: the daemon ends what nobody reads any more.
    """
    loop, given_up = asyncio.get_running_loop(), Event()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        outcome: BaseException | None = None
        try:
            work(given_up)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            outcome = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    Thread(target=run, name="docker", daemon=True).start()
    try:
        await done
    finally:
        given_up.set()


def _while_wanted(stream: Generator[Mapping[str, Any]], given_up: Event) -> Iterator[Mapping[str, Any]]:
    """Pass a stream on until it is given up, and hang up then."""
    with closing(stream):
        for event in stream:
            if given_up.is_set():
                return
            yield event


def _follow(stream: Iterator[Mapping[str, Any]], say: Say, failed: str, *, remedy: str = "") -> None:
    """Pass a build's or push's progress on line by line, and raise what it ends with.

    The stream is read to its end in either case: it holds a connection until then.
    """
    lines: list[str] = []
    error = ""
    for event in stream:
        error = event.get("error", error)
        for line in _text(event).splitlines():
            lines.append(line)
            say(line)
    if error:
        tail = "\n".join(f"  {line}" for line in lines[-15:])
        raise BuildError(f"{failed}: {error.strip()}\nIts last lines:\n{tail}{remedy}")


def _text(event: Mapping[str, Any]) -> str:
    if "stream" in event:
        return str(event["stream"]).rstrip()
    if "status" in event and not event.get("progressDetail"):
        return f"{event.get('id', '')} {event['status']}".strip()
    return ""


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except ImageNotFound as error:
        raise BuildError(
            f"{what}: {error.explanation}: the daemon has no such image and could not pull it; "
            "load it with `docker load`, or connect to the internet"
        ) from None
    except APIError as error:
        raise BuildError(f"{what}: Docker refuses: {error.explanation or error}") from None
    except (DockerException, requests.RequestException) as error:
        raise DockerError(f"{what}: the Docker daemon stopped answering: {error}") from None


def _described(container: Any) -> Container:
    settings = container.attrs["NetworkSettings"]
    published = {port: hosts for port, hosts in (settings.get("Ports") or {}).items() if hosts}
    return Container(
        name=container.name,
        labels=container.labels,
        running=container.status == "running",
        addresses={name: one["IPAddress"] for name, one in settings["Networks"].items()},
        ports={port: hosts[0]["HostPort"] for port, hosts in published.items()},
    )


def _connected() -> Any:
    if LACKING:
        raise DockerError(LACKING)
    host = os.environ.get("DOCKER_HOST", DEFAULT_HOST)
    try:
        if host.startswith("unix://"):
            _try_socket(host.removeprefix("unix://"))
        return docker.from_env(timeout=TIMEOUT_SECONDS)
    except (DockerException, requests.RequestException, OSError) as error:
        raise DockerError(_unavailable(host, error)) from None


def _try_socket(path: str) -> None:
    """Fail as the operating system does; the library would leave its socket open behind its error."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)


def _unavailable(host: str, error: Exception) -> str:
    cause = _system_error(error)
    if isinstance(cause, PermissionError):
        return (
            f"the Docker daemon at {host} does not let this user in: join the group docker and log in again, "
            "or use rootless Docker"
        )
    reason = cause.strerror if cause else str(error)
    return (
        f"no Docker daemon answers at {host} ({reason}): start it, or name it in $DOCKER_HOST, or use a "
        "provider that needs none: --harness-provider=embedded"
    )


def _system_error(error: BaseException | None) -> OSError | None:
    """Find what the operating system said, below the layers of the HTTP library."""
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return error
        error = error.__context__
    return None
