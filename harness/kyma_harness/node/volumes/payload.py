"""Gather the files of configuration volumes: configMap, secret, downwardAPI, projected."""

from collections.abc import Mapping, Sequence
from typing import Any

from kyma_harness.node.errors import ContainerConfigError, VolumeError
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.volumes.atomic import File
from kyma_harness.node.volumes.sources import Getter, config_data, secret_data

CONFIGURATION = frozenset({"configMap", "secret", "downwardAPI", "projected"})
_DEFAULT_MODE = 0o644
_OWNER_ONLY = 0o700  # one user runs every pod, so secrets lose nothing by being closed to the others


class Payload:
    """Read what the configuration volumes of one pod hold."""

    def __init__(self, facts: PodFacts, api: Getter, tokens: PodTokens) -> None:
        self._facts = facts
        self._api = api
        self._tokens = tokens

    async def files(self, volume: Mapping[str, Any]) -> dict[str, File]:
        """Return the files of one volume by relative path; raises VolumeError naming what is missing."""
        kind = next(iter(CONFIGURATION & volume.keys()))
        source = volume[kind]
        mode = source.get("defaultMode", _DEFAULT_MODE)
        if kind != "projected":
            return await self._source(kind, source, mode)
        files: dict[str, File] = {}
        for part in source.get("sources", ()):
            for name, projected in part.items():
                files |= await self._source(name, projected, mode)
        return files

    async def _source(self, kind: str, source: Mapping[str, Any], mode: int) -> dict[str, File]:
        match kind:
            case "configMap":
                name = source["name"]
                data = await config_data(self._api, self._facts.namespace, name)
                return self._picked(data, source, mode, f'configmap "{name}"')
            case "secret":
                name = source.get("secretName") or source["name"]
                data = await secret_data(self._api, self._facts.namespace, name)
                return self._picked(data, source, mode, f'secret "{name}"', mask=_OWNER_ONLY)
            case "downwardAPI":
                return self._downward(source.get("items", ()), mode)
            case "serviceAccountToken":
                token = await self._tokens.token(
                    source.get("audience"), source.get("expirationSeconds", 3600)
                )
                return {source["path"]: File(token.encode(), 0o600)}
        raise VolumeError(f"the process node cannot project a {kind}")

    def _picked(
        self,
        data: dict[str, bytes] | None,
        source: Mapping[str, Any],
        mode: int,
        what: str,
        mask: int = 0o777,
    ) -> dict[str, File]:
        optional = source.get("optional", False)
        if data is None and not optional:
            raise VolumeError(f"{what} not found in namespace {self._facts.namespace}: create it")
        data = data or {}
        if not (items := source.get("items")):
            return {key: File(value, mode & mask) for key, value in data.items()}
        files = {}
        for item in items:
            if item["key"] in data:
                files[item["path"]] = File(data[item["key"]], item.get("mode", mode) & mask)
            elif not optional:
                raise VolumeError(f"{what} has no key {item['key']}")
        return files

    def _downward(self, items: Sequence[Mapping[str, Any]], mode: int) -> dict[str, File]:
        try:
            return {item["path"]: File(self._value(item).encode(), item.get("mode", mode)) for item in items}
        except ContainerConfigError as error:
            raise VolumeError(str(error)) from error

    def _value(self, item: Mapping[str, Any]) -> str:
        if "fieldRef" in item:
            return self._facts.field(item["fieldRef"]["fieldPath"])
        return self._facts.resource(item["resourceFieldRef"], container="")
