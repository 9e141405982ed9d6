"""Provision PersistentVolumes that are directories, and say which directory a claim means."""

import asyncio
from contextlib import suppress
from pathlib import Path

from kubeloop.client import Client
from kubeloop.controller import Controller, Result
from kubeloop.errors import AlreadyExistsError, NotFoundError, TerminalError
from kubeloop.events import EventRecorder
from kubeloop.kinds import PV, PVC, STORAGE_CLASS
from kubeloop.reflector import Reflector
from kubeloop.resource import Object, ObjectKey, annotations_of, is_deleting
from kyma_harness.node.errors import VolumeError
from kyma_harness.node.folders import remove

PROVISIONER = "kyma-harness.io/directory"
DEFAULT_CLASS = "standard"
_WANTED_FROM = "volume.kubernetes.io/storage-provisioner"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


class Provisioner:
    """Make a directory for each claim that waits for one; delete it as the volume's reclaim policy says."""

    def __init__(self, client: Client, folder: Path, *, node: str, events: EventRecorder) -> None:
        self._client = client
        self._folder = folder
        self._node = node
        self._events = events
        self._controller = Controller("provisioner", self._reconcile)
        self._claims = Reflector(client, PVC, on_change=self._on_change)
        self._volumes = Reflector(client, PV, on_change=self._on_change)

    async def run(self) -> None:
        """Provision until cancelled."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._claims.run())
            group.create_task(self._volumes.run())
            group.create_task(self._controller.run())

    async def create_default_class(self) -> None:
        """Create the StorageClass for claims that name none, unless there is one of its name."""
        with suppress(AlreadyExistsError):
            await self._client.create(_default_class())

    async def directory(self, namespace: str, claim: str) -> Path:
        """Return the directory behind a claim; raises VolumeError when it is not bound to one of ours."""
        try:
            found = await self._client.get(PVC, claim, namespace)
            name = found["spec"].get("volumeName", "")
            if found.get("status", {}).get("phase") != "Bound":
                raise VolumeError(f"PersistentVolumeClaim {namespace}/{claim} is not bound yet")
            volume = await self._client.get(PV, name)
        except NotFoundError as error:
            raise VolumeError(str(error)) from error
        if not _is_ours(volume):
            raise VolumeError(
                f"PersistentVolume {name} is none of the process node's:"
                f" use a StorageClass of provisioner {PROVISIONER}"
            )
        return self._made(name)

    def _on_change(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self._controller.enqueue(ObjectKey.of(new))
        elif old is not None:
            self._controller.enqueue(ObjectKey.of(old))

    async def _reconcile(self, key: ObjectKey) -> Result:
        if key.namespace:
            claim = self._claims.get(key)
            if claim and self._waits_for_us(claim):
                await self._provision(claim)
        elif (volume := self._volumes.get(key)) and _is_to_reclaim(volume):
            await self._reclaim(volume)
        return Result()

    def _waits_for_us(self, claim: Object) -> bool:
        annotations = annotations_of(claim)
        return (
            annotations.get(_WANTED_FROM) == PROVISIONER
            and not claim["spec"].get("volumeName")
            and not is_deleting(claim)
            # Set by the scheduler where the class waits for the first consumer.
            and annotations.get(_SELECTED_NODE, self._node) == self._node
        )

    async def _provision(self, claim: Object) -> None:
        storage_class = await self._client.get(STORAGE_CLASS, claim["spec"]["storageClassName"])
        waits = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        if waits and _SELECTED_NODE not in annotations_of(claim):
            return
        if claim["spec"].get("volumeMode") == "Block":
            message = "the process node has directories, not block devices: use volumeMode Filesystem"
            self._events.record(claim, "Warning", "ProvisioningFailed", message)
            raise TerminalError(f"claim {ObjectKey.of(claim)}: {message}")
        volume = self._volume(claim, storage_class)
        self._made(volume["metadata"]["name"])
        try:
            await self._client.create(volume)
        except AlreadyExistsError:
            return
        message = f"Successfully provisioned volume {volume['metadata']['name']}"
        self._events.record(claim, "Normal", "ProvisioningSucceeded", message)

    def _made(self, name: str) -> Path:
        """Return a volume's directory, by its name alone: what else the object says leads nowhere."""
        path = self._folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _volume(self, claim: Object, storage_class: Object) -> Object:
        metadata, spec = claim["metadata"], claim["spec"]
        name = f"pvc-{metadata['uid']}"
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {_PROVISIONED_BY: PROVISIONER}},
            "spec": {
                "accessModes": spec["accessModes"],
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": storage_class["metadata"]["name"],
                "hostPath": {"path": str(self._folder / name), "type": "DirectoryOrCreate"},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        }

    async def _reclaim(self, volume: Object) -> None:
        metadata = volume["metadata"]
        await asyncio.to_thread(remove, self._folder / metadata["name"])
        with suppress(NotFoundError):
            await self._client.delete(PV, metadata["name"], uid=metadata["uid"])


def _is_ours(volume: Object) -> bool:
    return annotations_of(volume).get(_PROVISIONED_BY) == PROVISIONER


def _is_to_reclaim(volume: Object) -> bool:
    return (
        _is_ours(volume)
        and not is_deleting(volume)
        and volume.get("status", {}).get("phase") == "Released"
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )


def _default_class() -> Object:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": DEFAULT_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
