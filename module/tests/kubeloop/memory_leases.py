"""Leases as an API server keeps them, in memory: for time that passes at once."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from kubeloop.errors import AlreadyExistsError, ConflictError, NotFoundError
from kubeloop.resource import ObjectKey

if TYPE_CHECKING:
    from kubeloop.resource import Kind, Object


class MemoryLeases:
    """Read and write with the versions that make two writers meet a conflict."""

    def __init__(self) -> None:
        self._leases: dict[ObjectKey, Object] = {}
        self._version = 0

    async def get(self, _kind: Kind, name: str, namespace: str) -> Object:
        lease = self._leases.get(ObjectKey(namespace, name))
        if lease is None:
            raise NotFoundError(404, "NotFound", name, method="GET", path=name)
        return copy.deepcopy(lease)

    async def create(self, lease: Object) -> Object:
        if ObjectKey.of(lease) in self._leases:
            raise AlreadyExistsError(409, "AlreadyExists", "", method="POST", path="")
        return self._keep(lease)

    async def update(self, lease: Object) -> Object:
        known = self._leases[ObjectKey.of(lease)]
        if known["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
            raise ConflictError(409, "Conflict", "", method="PUT", path="")
        return self._keep(lease)

    def _keep(self, lease: Object) -> Object:
        self._version += 1
        kept = copy.deepcopy(lease)
        kept["metadata"]["resourceVersion"] = str(self._version)
        self._leases[ObjectKey.of(lease)] = kept
        return copy.deepcopy(kept)
