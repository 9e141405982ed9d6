"""The volumes of one pod, as directories."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from kyma_harness.node.errors import VolumeError
from kyma_harness.node.expansion import expanded, references
from kyma_harness.node.folders import place_within, remove
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.volumes.atomic import write_atomically
from kyma_harness.node.volumes.mounts import Mounts, mount_path
from kyma_harness.node.volumes.payload import CONFIGURATION, Payload


class Claims(Protocol):
    """Whoever knows which directory stands behind a PersistentVolumeClaim."""

    async def directory(self, namespace: str, claim: str) -> Path:
        """Return the directory; raises VolumeError when the claim is not bound to one of ours."""
        ...


class Volumes:
    """Set up, refresh and hand out the volumes of one pod."""

    def __init__(self, facts: PodFacts, folder: Path, *, payload: Payload, claims: Claims) -> None:
        self._facts = facts
        self._folder = folder
        self._payload = payload
        self._claims = claims
        self._directories: dict[str, Path] = {}

    @property
    def directories(self) -> Mapping[str, Path]:
        """The directory of each volume that was set up, by the volume's name."""
        return self._directories

    async def set_up(self) -> None:
        """Make every volume ready to be mounted; raises VolumeError, after which it may be tried again."""
        for volume in self._specs():
            try:
                self._directories[volume["name"]] = await self._directory(volume)
            except (VolumeError, OSError) as error:
                raise VolumeError(_failure(volume, error)) from error

    async def refresh(self) -> list[str]:
        """Bring each configuration volume up to date; return why some could not be, which stay as they are.

        They are read beside one another, so that none waits for another one's source.
        """
        volumes = [volume for volume in self._specs() if CONFIGURATION & volume.keys()]
        reasons = await asyncio.gather(*(self._refreshed(volume) for volume in volumes))
        return [reason for reason in reasons if reason]

    async def _refreshed(self, volume: Mapping[str, Any]) -> str:
        try:
            await self._directory(volume)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the other volumes go on
            return _failure(volume, error)
        return ""

    def mounts(self, container: Mapping[str, Any], values: Mapping[str, str]) -> Mounts:
        """Return what a container mounts where; `values` are its variables, for subPathExpr."""
        return Mounts(
            {
                mount_path(mount["mountPath"]): self._mounted(mount, values, container["name"])
                for mount in container.get("volumeMounts", ())
            }
        )

    def _specs(self) -> list[Mapping[str, Any]]:
        return list(self._facts.pod["spec"].get("volumes") or ())

    async def _directory(self, volume: Mapping[str, Any]) -> Path:
        folder = self._folder / str(volume["name"])
        if CONFIGURATION & volume.keys():
            write_atomically(folder, await self._payload.files(volume))
            return folder
        if "persistentVolumeClaim" in volume:
            return await self._claims.directory(
                self._facts.namespace, volume["persistentVolumeClaim"]["claimName"]
            )
        if "ephemeral" in volume:
            return await self._claims.directory(self._facts.namespace, f"{self._facts.name}-{volume['name']}")
        if "emptyDir" in volume:
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        kind = next((key for key in volume if key != "name"), "no source")
        raise VolumeError(
            f"the process node has no {kind} volumes: a pod must not reach into the machine it runs on;"
            " use emptyDir, configMap, secret, projected, downwardAPI or persistentVolumeClaim"
        )

    def _mounted(self, mount: Mapping[str, Any], values: Mapping[str, str], container: str) -> Path:
        directory = self._directories[mount["name"]]
        sub_path = mount.get("subPath") or _expanded(mount.get("subPathExpr", ""), values)
        if not sub_path:
            return directory
        path = place_within(directory, sub_path)
        if any(one["name"] == mount["name"] and CONFIGURATION & one.keys() for one in self._specs()):
            return _copied(path, self._folder / "..subpaths" / container / str(mount["name"]) / sub_path)
        if not path.exists():
            path.mkdir(parents=True)
        return path


def _expanded(expression: str, values: Mapping[str, str]) -> str:
    path = expanded(expression, values)
    if missing := [name for name in references(expression) if not values.get(name)]:
        raise VolumeError(f"subPathExpr {expression} has no value for {missing[0]}")
    return path


def _failure(volume: Mapping[str, Any], error: Exception) -> str:
    return f'MountVolume.SetUp failed for volume "{volume["name"]}": {str(error) or repr(error)}'


def _copied(path: Path, copy: Path) -> Path:
    """Copy a subPath of a configuration volume: it is bound once per start and never updated."""
    remove(copy)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, copy, symlinks=True)
    elif path.is_file():
        shutil.copy2(path, copy)
    else:
        copy.mkdir()
    return copy
