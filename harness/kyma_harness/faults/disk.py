"""Fill the disk behind a PersistentVolumeClaim: writing fails with ENOSPC, which the kernel itself says.

The volume moves to a file system in memory that has no room left. It is mounted in a namespace of a process
that does nothing else, which needs no rights where the kernel allows user namespaces; others reach it through
``/proc``. With that process the file system ends too, so that nothing is left of a test that was killed.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import NotFoundError
from kubeloop.kinds import POD, PV, PVC
from kubeloop.resource import Object
from kyma_harness.faults.components import NoSuchProcessError, NotPossibleError, Signals, container_pid
from kyma_harness.host.paths import private_folder
from kyma_harness.host.process import Child, spawn

_PAGE: Final = 4096
_SPARE: Final = 1 << 20
"""Bytes beyond the volume's content, for its folders; what is left of them is filled."""
_CHUNK: Final = bytes(64 * 1024)
_MOUNT: Final = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo mounted && exec sleep infinity'
_MOUNT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.02


@asynccontextmanager
async def full(
    client: Client, namespace: str, claim: str, folder: Path, signals: Signals
) -> AsyncIterator[None]:
    """Keep the volume of a claim full while the block runs; ``folder`` is for what that takes.

    The containers that mount it are killed when it is full and when it has room again, as a program does not
    let go of the files that it has open. What was written before and meanwhile is kept.
    """
    volume = await _directory(client, namespace, claim)
    async with _small_disk(folder, size=_size(volume) + _SPARE) as disk:
        async with _standing_still(client, namespace, claim, signals):
            await asyncio.to_thread(_move_in, volume, disk)
        try:
            yield
        finally:
            async with _standing_still(client, namespace, claim, signals):
                keep = await _is_there(client, namespace, claim)
                await asyncio.to_thread(_move_out, volume, disk, keep=keep)


def _move_in(volume: Path, disk: Path) -> None:
    shutil.copytree(volume, disk / "volume", symlinks=True)
    shutil.rmtree(volume)
    volume.symlink_to(disk / "volume")
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:  # until there is ENOSPC
        while True:
            ballast.write(_CHUNK)


def _move_out(volume: Path, disk: Path, *, keep: bool) -> None:
    volume.unlink()
    if keep:
        shutil.copytree(disk / "volume", volume, symlinks=True)


async def _directory(client: Client, namespace: str, claim: str) -> Path:
    found = await client.get(PVC, claim, namespace)
    if not (name := found["spec"].get("volumeName")):
        raise NotPossibleError(f"PersistentVolumeClaim {namespace}/{claim} is not bound to a volume yet")
    path = (await client.get(PV, name))["spec"].get("hostPath", {}).get("path")
    if not path or not os.path.isdir(path):  # noqa: ASYNC240, PTH112 - a glance at the host's own disk
        raise NotPossibleError(f"PersistentVolume {name} is no directory of this host")
    return Path(path)


async def _is_there(client: Client, namespace: str, claim: str) -> bool:
    try:
        await client.get(PVC, claim, namespace)
    except NotFoundError:
        return False
    return True


@asynccontextmanager
async def _small_disk(folder: Path, *, size: int) -> AsyncIterator[Path]:
    """Mount a file system of so many bytes while the block runs, and give the way to it."""
    at, said = private_folder(folder) / "disk", folder / "disk.log"
    private_folder(at)
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", str(size), str(at)]
    keeper = await spawn(argv, name="disk", env={"PATH": os.environ.get("PATH", os.defpath)}, stdout=said)
    try:
        if not await _is_mounted(keeper):
            raise NotPossibleError(
                f"no small disk can be mounted here: {keeper.log_tail()}",
                remedy="let the kernel allow user namespaces, and install util-linux",
            )
        yield Path(f"/proc/{keeper.pid}/root{at}")
    finally:
        await keeper.terminate(grace=0)


async def _is_mounted(keeper: Child) -> bool:
    async def has_spoken() -> str:
        return "ended" if keeper.returncode is not None else keeper.log_tail()

    retrying = AsyncRetrying(
        stop=stop_after_delay(_MOUNT_SECONDS),
        wait=wait_fixed(_LOOK_SECONDS),
        retry=retry_if_result(lambda said: not said),
        retry_error_callback=lambda _: "too late",
    )
    return await retrying(has_spoken) == "mounted"


@asynccontextmanager
async def _standing_still(
    client: Client, namespace: str, claim: str, signals: Signals
) -> AsyncIterator[None]:
    """Stop every process that has the claim mounted; it is killed when the block ends."""
    async with AsyncExitStack() as stack:
        for pid in await _processes(client, namespace, claim):
            with suppress(NoSuchProcessError):
                await stack.enter_async_context(signals.held(pid))
                stack.callback(_kill, signals, pid)
        yield


def _kill(signals: Signals, pid: int) -> None:
    with suppress(NoSuchProcessError):
        signals.kill(pid)


async def _processes(client: Client, namespace: str, claim: str) -> list[int]:
    pods = (await client.list(POD, namespace=namespace)).items
    wanted = [(pod["metadata"]["name"], name) for pod in pods for name in _mounting(pod, claim)]
    found = []
    for pod, container in wanted:
        with suppress(NoSuchProcessError, NotFoundError):
            found.append(await container_pid(client, namespace, pod, container))
    return found


def _mounting(pod: Object, claim: str) -> Iterable[str]:
    """Return the containers of a pod that mount a claim."""
    volumes = {
        one["name"]
        for one in pod["spec"].get("volumes") or ()
        if one.get("persistentVolumeClaim", {}).get("claimName") == claim
    }
    for container in pod["spec"]["containers"]:
        if volumes & {mount["name"] for mount in container.get("volumeMounts") or ()}:
            yield container["name"]


def _size(folder: Path) -> int:
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum(-(-file.stat().st_size // _PAGE) * _PAGE for file in files)
