"""Reconcile a Kyma (contract 2.1 to 2.7)."""

import copy
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from kubeloop.client import Client
from kubeloop.controller import Result
from kubeloop.errors import InvalidError, NotFoundError, is_transient
from kubeloop.events import EventRecorder
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey, generation_of, has_finalizer, is_deleting, labels_of
from kyma_harness.kyma.contract import KYMA, KYMA_FINALIZER, LIFECYCLE_MANAGER, MANAGED_BY, MANIFEST
from kyma_harness.managers.failures import sentence_of
from kyma_harness.managers.lifecycle_manager.manifests import build_manifest, updated
from kyma_harness.managers.lifecycle_manager.status import (
    entries_of,
    is_ready,
    module_entry,
    with_cause,
    with_modules,
)
from kyma_harness.managers.lifecycle_manager.templates import TemplateError, find_template, is_outdated
from kyma_harness.managers.patience import Patience

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A listed module, with its template and the Manifest that follows from it."""

    module: str
    template: Object
    manifest: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a pass found or did: the entries for the status, and whether anything had to be changed."""

    entries: list[Object]
    changed: bool


class SyncError(Exception):
    """The API server does not take a module's Manifest."""


class KymaReconciler:
    """Turn the modules of a Kyma into Manifests, and their states into its own."""

    def __init__(
        self,
        client: Client,
        *,
        templates: Callable[[], Iterable[Object]],
        events: EventRecorder,
        patience: Patience,
        resync: float,
    ) -> None:
        self._client = client
        self._templates = templates
        self._events = events
        self._patience = patience
        self._resync = resync

    async def reconcile(self, key: ObjectKey) -> Result:
        """Take one step; whatever goes wrong in it stands in the Kyma's status, and in an Event."""
        try:
            kyma = await self._client.get(KYMA, key.name, key.namespace)
        except NotFoundError:
            return self._patience.settled(key)
        try:
            return await self._step(key, kyma)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("pass failed", cause=sentence_of(error))
            return await self._report(key, sentence_of(error))

    async def _step(self, key: ObjectKey, kyma: Object) -> Result:
        """Take one step; the writes of each step bring the next pass about."""
        if is_deleting(kyma):
            await self._let_go(kyma)
            return self._patience.settled(key)
        if not has_finalizer(kyma, KYMA_FINALIZER) or MANAGED_BY not in labels_of(kyma):
            await self._mark(kyma)
            return Result()
        if not kyma.get("status", {}).get("state"):
            await self._write(kyma, {"state": "Processing"}, "initial state")
            return Result()
        return await self._sync(key, kyma)

    async def _mark(self, kyma: Object) -> None:
        marked = copy.deepcopy(kyma)
        metadata = marked["metadata"]
        metadata["labels"] = {**labels_of(kyma), MANAGED_BY: LIFECYCLE_MANAGER}
        if not has_finalizer(kyma, KYMA_FINALIZER):
            metadata["finalizers"] = [*metadata.get("finalizers", []), KYMA_FINALIZER]
        if not marked["spec"].get("modules"):
            # A Go client drops an empty list when it writes, which makes this generation 2 (contract 2.1).
            marked["spec"].pop("modules", None)
        await self._client.update(marked)

    async def _let_go(self, kyma: Object) -> None:
        """Drop the finalizer; the Manifests go by garbage collection, not by us (contract 2.7)."""
        if kyma.get("status", {}).get("state") != "Deleting":
            status = {**kyma.get("status", {}), "state": "Deleting"}
            kyma = await self._write(kyma, status)
        if has_finalizer(kyma, KYMA_FINALIZER):
            kyma["metadata"]["finalizers"].remove(KYMA_FINALIZER)
            await self._client.update(kyma)

    async def _sync(self, key: ObjectKey, kyma: Object) -> Result:
        try:
            wanted = self._wanted(kyma)
            synced = await self._sync_manifests(kyma, wanted)
        except TemplateError as error:
            return await self._fail(key, kyma, f"error while fetching modules during processing: {error}")
        except SyncError as error:
            return await self._fail(key, kyma, f"sync failed: {error}")
        leaving = await self._remove_unlisted(kyma, wanted)
        status = with_modules(kyma, [*leaving, *synced.entries])
        if synced.changed or leaving or _states(status) != _states(kyma["status"]):
            await self._write(kyma, {**status, "state": "Processing"}, "updating component conditions")
            return self._patience.again(key)
        if not is_ready(status):
            await self._write(kyma, {**kyma["status"], "state": "Processing"}, "waiting for all modules")
            return self._patience.again(key)
        await self._finish(kyma, status)
        return self._patience.settled(key, look_again=self._resync)

    async def _report(self, key: ObjectKey, cause: str) -> Result:
        """Say on the Kyma, which others may have changed meanwhile, what nobody has foreseen."""
        try:
            kyma = await self._client.get(KYMA, key.name, key.namespace)
        except NotFoundError:
            return self._patience.settled(key)
        await self._events.write(kyma, "Warning", "ModuleReconciliationError", cause)
        await self._write(kyma, with_cause(kyma.get("status") or {}, cause, generation_of(kyma)))
        return self._patience.again(key)

    async def _fail(self, key: ObjectKey, kyma: Object, message: str) -> Result:
        await self._events.write(kyma, "Warning", "ModuleReconciliationError", message)
        await self._write(kyma, {**kyma["status"], "state": "Error"})
        return self._patience.again(key)

    def _wanted(self, kyma: Object) -> list[Wanted]:
        spec, templates = kyma["spec"], list(self._templates())
        wanted = []
        for module in spec.get("modules") or ():
            template = find_template(templates, module, spec.get("channel"))
            manifest = build_manifest(kyma, module["name"], template)
            wanted.append(Wanted(module=module["name"], template=template, manifest=manifest))
        return wanted

    async def _sync_manifests(self, kyma: Object, wanted: list[Wanted]) -> Synced:
        """Create or update Manifests; one is created a pass, the others wait for the next."""
        entries, created, changed, known = [], False, False, entries_of(kyma)
        for one in wanted:
            manifest = await self._get_manifest(one.manifest)
            if manifest is None and created:
                continue
            if manifest is None:
                manifest = await self._put("creating", one, self._client.create(one.manifest))
                created = changed = True
            elif _needs_update(manifest, known.get(one.module), one.template):
                change = self._client.update(updated(manifest, one.manifest))
                manifest = await self._put("updating", one, change)
                changed = True
            entries.append(module_entry(one.module, manifest, one.template))
        return Synced(entries=entries, changed=changed)

    async def _put(self, doing: str, one: Wanted, write: Awaitable[Object]) -> Object:
        try:
            return await write
        except InvalidError as error:
            raise SyncError(f"error {doing} custom resource of type {one.module} {error.message}") from error

    async def _remove_unlisted(self, kyma: Object, wanted: list[Wanted]) -> list[Object]:
        """Delete the Manifests of modules that are off the list; return the entries of those that linger."""
        listed, lingering = {one.module for one in wanted}, []
        for name, entry in entries_of(kyma).items():
            if name in listed:
                continue
            try:
                await self._client.delete(MANIFEST, entry["name"], namespace=entry["namespace"])
            except NotFoundError:
                continue
            lingering.append(entry)
        return lingering

    async def _finish(self, kyma: Object, status: Object) -> None:
        if kyma["status"]["state"] == "Ready":
            return
        await self._events.write(kyma, "Normal", "ReconciliationSuccess", "Reconciliation finished!")
        ready = {**status, "state": "Ready", "activeChannel": kyma["spec"]["channel"]}
        await self._write(kyma, ready, "Reconciliation finished!")

    async def _get_manifest(self, wanted: Object) -> Object | None:
        key = ObjectKey.of(wanted)
        try:
            return await self._client.get(MANIFEST, key.name, key.namespace)
        except NotFoundError:
            return None

    async def _write(self, kyma: Object, status: Object, message: str = "") -> Object:
        """Write the status if it differs, and say so in an Event if there is something to say."""
        if status == kyma.get("status"):
            return kyma
        written = await self._client.update({**kyma, "status": status}, subresource="status")
        if message:
            await self._events.write(kyma, "Normal", "StatusUpdate", message)
        return written


def _needs_update(manifest: Object, entry: Object | None, template: Object) -> bool:
    """Tell whether the template is another one by now, or the Manifest was edited by hand (contract 2.6)."""
    if entry is None or is_deleting(manifest):
        return False
    return is_outdated(entry, template) or generation_of(manifest) != entry.get("generation")


def _states(status: Object) -> dict[str, str]:
    return {entry["moduleName"]: entry["state"] for entry in status.get("moduleStatus", [])}
