"""Reconcile a Manifest (contract 2.4 and 2.7)."""

import copy

from kubeloop.client import Client
from kubeloop.controller import Result
from kubeloop.errors import NotFoundError, is_transient
from kubeloop.events import EventRecorder
from kubeloop.logs import get_logger
from kubeloop.resource import Object, ObjectKey, generation_of, has_finalizer, is_deleting, labels_of
from kyma_harness.kyma.contract import CACHE_KEY, KYMA_NAME, MANIFEST, MANIFEST_FINALIZER
from kyma_harness.managers.failures import is_foreseen, sentence_of
from kyma_harness.managers.module_manager.installer import Installer, PrepareError
from kyma_harness.managers.module_manager.status import State, status_of
from kyma_harness.managers.patience import Patience

log = get_logger(__name__)

_TELLS_OF_DELETION = (State.DELETING, State.ERROR)
"""States that a Manifest which is leaving may have, once it was seen that it leaves."""


class ManifestReconciler:
    """Install what a Manifest names, keep it so, and take it away with it."""

    def __init__(
        self,
        client: Client,
        *,
        installer: Installer,
        events: EventRecorder,
        patience: Patience,
        resync: float,
    ) -> None:
        self._client = client
        self._installer = installer
        self._events = events
        self._patience = patience
        self._resync = resync

    async def reconcile(self, key: ObjectKey) -> Result:
        """Take one step; whatever goes wrong in it stands in the Manifest's status."""
        try:
            manifest = await self._client.get(MANIFEST, key.name, key.namespace)
        except NotFoundError:
            return self._patience.settled(key)
        try:
            return await self._step(key, manifest)
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("pass failed", cause=sentence_of(error))
            return await self._report(key, sentence_of(error))

    async def _step(self, key: ObjectKey, manifest: Object) -> Result:
        """Take one step; the writes of each step bring the next pass about."""
        if is_deleting(manifest):
            return await self._let_go(key, manifest)
        if _lacks_marks(manifest):
            await self._mark(manifest)
            return Result()
        if not _state(manifest):
            await self._write(manifest, status_of(manifest, State.PROCESSING, message="initial state"))
            return Result()
        return await self._install(key, manifest)

    async def _mark(self, manifest: Object) -> None:
        marked = copy.deepcopy(manifest)
        labels = labels_of(marked)
        if labels and CACHE_KEY not in labels:
            labels[CACHE_KEY] = labels.get(KYMA_NAME, "")
        if not has_finalizer(manifest, MANIFEST_FINALIZER):
            finalizers = marked["metadata"].setdefault("finalizers", [])
            finalizers.append(MANIFEST_FINALIZER)
        await self._client.update(marked)

    async def _install(self, key: ObjectKey, manifest: Object) -> Result:
        """Apply everything and look at the result; for a Ready Manifest this is the repair of drift."""
        was_ready = _state(manifest) == State.READY
        if was_ready and not _is_observed(manifest):
            changed = status_of(manifest, State.PROCESSING, message="observed generation change")
            await self._write(manifest, changed)
            return self._patience.again(key)
        try:
            installs = await self._installer.prepare(manifest)
        except PrepareError as error:
            log.error("layers cannot be prepared", cause=str(error))  # noqa: TRY400 - its words are enough
            await self._write(manifest, status_of(manifest, State.ERROR, message=str(error)))
            return self._patience.again(key)
        outcome = await self._installer.install(manifest, installs)
        if outcome.state is State.READY:
            await self._write(manifest, status_of(manifest, outcome.state, installs=installs))
            return self._patience.settled(key, look_again=self._resync)
        cause = f": {outcome.cause}" if outcome.cause else ""
        if was_ready:
            message = f"resources not ready{cause}"
            status = status_of(manifest, State.PROCESSING, message=message, installs=installs)
        else:
            message = f"Manifest in {outcome.state} state{cause}"
            status = status_of(manifest, outcome.state, message=message, installs=installs)
        await self._write(manifest, status)
        return self._patience.again(key)

    async def _let_go(self, key: ObjectKey, manifest: Object) -> Result:
        if not has_finalizer(manifest, MANIFEST_FINALIZER):
            return self._patience.settled(key)
        if _state(manifest) not in _TELLS_OF_DELETION or not _is_observed(manifest):
            await self._write(manifest, status_of(manifest, State.DELETING, message="deletion timestamp set"))
            return Result()
        try:
            installs = await self._installer.prepare(manifest)
            is_removed = await self._installer.remove(manifest, installs)
        except PrepareError as error:
            # As the original does: what cannot be prepared cannot be removed, and is left behind.
            log.warning("layers cannot be prepared, so everything stays behind", cause=str(error))
            return await self._release(key, manifest)
        except Exception as error:
            if is_foreseen(error):
                raise
            # Nobody can make sense of it, now or later: so nothing of it holds the Manifest.
            log.exception("everything stays behind", cause=sentence_of(error))
            await self._events.write(manifest, "Warning", "LeftBehind", sentence_of(error))
            return await self._release(key, manifest)
        if is_removed:
            return await self._release(key, manifest)
        await self._write(manifest, status_of(manifest, State.DELETING, installs=installs))
        return self._patience.again(key)

    async def _release(self, key: ObjectKey, manifest: Object) -> Result:
        released = copy.deepcopy(manifest)
        released["metadata"]["finalizers"].remove(MANIFEST_FINALIZER)
        await self._client.update(released)
        return self._patience.settled(key)

    async def _report(self, key: ObjectKey, cause: str) -> Result:
        """Say on the Manifest, which others may have changed meanwhile, what nobody has foreseen."""
        try:
            manifest = await self._client.get(MANIFEST, key.name, key.namespace)
        except NotFoundError:
            return self._patience.settled(key)
        await self._events.write(manifest, "Warning", "PassFailed", cause)
        await self._write(manifest, status_of(manifest, State.ERROR, message=cause))
        return self._patience.again(key)

    async def _write(self, manifest: Object, status: Object) -> None:
        if status != manifest.get("status"):
            await self._client.update({**manifest, "status": status}, subresource="status")


def _is_observed(manifest: Object) -> bool:
    return bool((manifest.get("status") or {}).get("observedGeneration") == generation_of(manifest))


def _lacks_marks(manifest: Object) -> bool:
    labels = labels_of(manifest)
    return not has_finalizer(manifest, MANIFEST_FINALIZER) or (bool(labels) and CACHE_KEY not in labels)


def _state(manifest: Object) -> str | None:
    state: str | None = manifest.get("status", {}).get("state")
    return state
