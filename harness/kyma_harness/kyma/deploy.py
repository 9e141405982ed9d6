"""The steps from an empty cluster to a Kyma with a module in it, as the CLI takes them (contract 4.2).

Each step can be taken again on a cluster where it was taken before.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from kubeloop.client import Client
from kubeloop.errors import ConflictError, KindAbsentError, NotFoundError
from kubeloop.kinds import CLUSTER_ROLE, CRD, DEPLOYMENT
from kubeloop.resource import Kind, Object, ObjectKey, describe, finalizers_of, is_deleting
from kyma_harness.kyma.contract import (
    DEFAULT_KYMA,
    KCP_NAMESPACE,
    KYMA,
    LIFECYCLE_MANAGER,
    MANAGED_BY,
    MANIFEST,
    in_order,
    parse_objects,
)
from kyma_harness.kyma.makings import Makings
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import ORIGINAL, LifecycleManagers, Quirks
from kyma_harness.kyma.relations import kyma_relations
from kyma_harness.wait.claims import has_condition, has_state, is_gone
from kyma_harness.wait.live_wait import Line
from kyma_harness.wait.observer import Observer, observing
from kyma_harness.wait.waits import Claim, Target, WaitError, wait_for

QUIET = 4.0
"""Seconds; twice the longest pause between two passes that the process rules allow, as passes take time."""
FIELD_MANAGER = "kyma"
"""What the CLI applies as."""
MANAGER_ROLE = "module-manager-manager-role"
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


async def deploy_managers(
    client: Client, managers: LifecycleManagers, *, makings: Makings | None = None, within: float = 180
) -> list[Object]:
    """Apply the managers' manifests, wait until both are available, and return what was applied."""
    objects = [item for item in managers.objects if not await _is_granted(client, item)]
    await apply_all(client, objects, makings)
    async with observing(client) as observer:
        for item in objects:
            if item["kind"] == "Deployment":
                await _available(observer, item, within)
    return in_order(objects)


async def grant_rights(client: Client) -> None:
    """Let module-manager install anything: what its own role allows does not even cover a ConfigMap."""
    await client.merge_patch(CLUSTER_ROLE, MANAGER_ROLE, {"rules": EVERYTHING})


async def apply_template(
    client: Client, text: str, source: str = "the module template", *, makings: Makings | None = None
) -> list[Object]:
    """Apply a ModuleTemplate, and whatever stands with it, before the module is enabled; return all of it."""
    objects = in_order(parse_objects(text, source))
    await apply_all(client, objects, makings)
    return objects


async def ensure_kyma(client: Client, name: str = DEFAULT_KYMA, *, makings: Makings | None = None) -> Object:
    """Create the Kyma as the CLI does, unless there is one, whose modules then stay as they are."""
    try:
        return await client.get(KYMA, name, KCP_NAMESPACE)
    except NotFoundError:
        return await _apply(client, _kyma(name), makings)


async def apply_all(client: Client, objects: Iterable[Object], makings: Makings | None = None) -> None:
    """Apply objects, each after what it needs; in a cluster that stays, ``makings`` note what is new."""
    for item in in_order(objects):
        await _apply(client, item, makings)


async def enable_module(
    client: Client,
    module: str,
    *,
    channel: str | None = None,
    kyma: str = DEFAULT_KYMA,
    quirks: Quirks = ORIGINAL,
) -> None:
    """List the module in the Kyma, or set its channel there; all other modules stay.

    Waits for CRDs that are being deleted, where the pair takes them for there: the original remembers the
    chart as rendered, and never creates them again.
    """
    if quirks.counts_leaving_definitions:
        await _until_no_definition_leaves(client)
    entry = {"channel": channel, "name": module} if channel else {"name": module}
    await _list_modules(client, kyma, lambda listed: [*_without(module, listed), entry])


async def disable_module(
    client: Client,
    module: str,
    *,
    kyma: str = DEFAULT_KYMA,
    quirks: Quirks = ORIGINAL,
    settle: float = 30,
) -> None:
    """Take the module off the Kyma's list; nothing happens where it is not on it.

    For up to ``settle`` seconds it waits for lifecycle-manager to take note of the module, as one that is
    taken off before leaves its Manifest behind. Then, where the pair needs it, for module-manager to notice
    that the module is Ready, if it is, and to end the passes that were under way: the original takes the
    answer of such an installation for the end of the removal, and leaves everything behind.
    """
    await _until_noted(client, module, kyma, settle)
    if quirks.ends_a_removal_early:
        await _settle(client, instance_name(module, kyma), settle)
    await _list_modules(client, kyma, lambda listed: _without(module, listed))


async def wait_until_ready(
    client: Client,
    module: Module,
    *,
    kyma: str = DEFAULT_KYMA,
    within: float = 120,
    line: Line | None = None,
) -> Object:
    """Wait until the module's custom resource, its Manifest and then the Kyma with it are Ready.

    Returns the Kyma; the line tells meanwhile how far each is.
    """
    name = instance_name(module.short_name, kyma)
    resource = Kind.of(dict(module.default_cr))
    relations = kyma_relations(module)
    async with observing(client, KYMA, MANIFEST, resource, relations=relations, line=line) as observer:
        for target in (
            Target(kind=resource, name=name, namespace=KCP_NAMESPACE),
            Target(kind=MANIFEST, name=name, namespace=KCP_NAMESPACE),
        ):
            await observer.wait_for(target, has_state("Ready"), what="be Ready", within=within)
        target = Target(kind=KYMA, name=kyma, namespace=KCP_NAMESPACE)
        claim = _lists_ready(module.short_name)
        seen = await observer.wait_for(target, claim, what="be Ready with the module", within=within)
    return seen or {}


async def wait_until_removed(
    client: Client,
    module: str,
    *,
    kinds: Iterable[Kind],
    kyma: str = DEFAULT_KYMA,
    within: float = 120,
    observer: Observer | None = None,
) -> list[str]:
    """Wait until the Manifest is gone, the Kyma is Ready without the module, and nothing of it is leaving.

    ``kinds`` are those that the module defines: what is left of them is named in the error, such as a custom
    resource that a finalizer holds. Returns the definitions that nobody deletes. With an observer the waits
    have a live line, and end early where they are hopeless.
    """
    waits = _Waits(client=client, within=within, observer=observer)
    await waits.until_gone(Target(kind=MANIFEST, name=instance_name(module, kyma), namespace=KCP_NAMESPACE))
    target = Target(kind=KYMA, name=kyma, namespace=KCP_NAMESPACE)
    await waits.until(target, _lacks(module), what="be Ready without the module")
    return await until_nothing_leaves(client, kinds, within=within, observer=observer)


async def until_nothing_leaves(
    client: Client, kinds: Iterable[Kind], *, within: float = 120, observer: Observer | None = None
) -> list[str]:
    """Wait until no definition of these kinds is being deleted; returns those that nobody deletes."""
    waits, staying = _Waits(client=client, within=within, observer=observer), []
    for kind in kinds:
        definition = await _definition_of(client, kind)
        if definition and is_deleting(definition):
            await _until_kind_is_gone(waits, kind, definition)
        elif definition:
            staying.append(describe(definition))
    return staying


def modules_of(kyma: Object) -> list[str]:
    """Return the modules of a Kyma, those included that were taken off and that it still has to do with."""
    wanted = [entry["name"] for entry in kyma.get("spec", {}).get("modules") or []]
    known = [entry["moduleName"] for entry in kyma.get("status", {}).get("moduleStatus") or []]
    return list(dict.fromkeys([*wanted, *known]))


def instance_name(module: str, kyma: str = DEFAULT_KYMA) -> str:
    """Return the name of a module's Manifest and of its custom resource (contract 2.3)."""
    return f"{kyma}-{module}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waits:
    """Waits of one removal, with an observer or without."""

    client: Client
    within: float
    observer: Observer | None

    async def until(self, target: Target, claim: Claim, *, what: str, leaving: bool = False) -> None:
        if self.observer is None:
            await wait_for(self.client, target, claim, what=what, within=self.within)
        else:
            await self.observer.wait_for(target, claim, what=what, within=self.within, leaving=leaving)

    async def until_gone(self, target: Target) -> None:
        await self.until(target, is_gone(), what="be gone", leaving=True)


async def _until_kind_is_gone(waits: _Waits, kind: Kind, definition: Object) -> None:
    """Wait for custom resources and then their definition, which Kubernetes keeps until they are gone."""
    try:
        for item in await _resources_of(waits.client, kind):
            key = ObjectKey.of(item)
            await waits.until_gone(Target(kind=kind, name=key.name, namespace=key.namespace or None))
        await waits.until_gone(Target(kind=CRD, name=definition["metadata"]["name"]))
    except WaitError as error:
        left = [_held(item) for item in await _resources_of(waits.client, kind)]
        listed = ", ".join([*left, f"{describe(definition)} (being deleted)"])
        raise WaitError(
            f"the module is off the Kyma, and of it is left: {listed}\n{error}",
            error.last,
            error.symptoms,
            timed_out=error.timed_out,
        ) from None


def _held(item: Object) -> str:
    holders = ", ".join(finalizers_of(item))
    return f"{describe(item)} (held by {holders})" if holders else describe(item)


async def _definition_of(client: Client, kind: Kind) -> Object | None:
    wanted = (kind.group, kind.kind)
    for item in (await client.list(CRD)).items:
        spec = item.get("spec") or {}
        if (spec.get("group"), spec.get("names", {}).get("kind")) == wanted:
            return {"apiVersion": CRD.api_version, "kind": CRD.kind, **item}
    return None


async def _resources_of(client: Client, kind: Kind) -> list[Object]:
    try:
        items = (await client.list(kind)).items
    except (NotFoundError, KindAbsentError):
        return []
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in items]


async def _apply(client: Client, item: Object, makings: Makings | None) -> Object:
    if makings is None:
        return await client.apply(item, field_manager=FIELD_MANAGER, force=True)
    return await makings.apply(client, item, field_manager=FIELD_MANAGER)


async def _available(observer: Observer, deployment: Object, within: float) -> None:
    metadata = deployment["metadata"]
    target = Target(kind=DEPLOYMENT, name=metadata["name"], namespace=metadata["namespace"])
    await observer.wait_for(target, has_condition("Available"), what="be Available", within=within)


async def _is_granted(client: Client, item: Object) -> bool:
    """Tell whether this is module-manager's role, widened before: narrowing it again would make it fail."""
    if item["kind"] != "ClusterRole" or item["metadata"]["name"] != MANAGER_ROLE:
        return False
    try:
        return bool((await client.get(CLUSTER_ROLE, MANAGER_ROLE)).get("rules") == EVERYTHING)
    except NotFoundError:
        return False


async def _until_no_definition_leaves(client: Client, within: float = 10) -> None:
    for item in (await client.list(CRD)).items:
        if is_deleting(item):
            target = Target(kind=CRD, name=item["metadata"]["name"])
            with suppress(WaitError):
                await wait_for(client, target, is_gone(), what="be gone", within=within)


async def _until_noted(client: Client, module: str, kyma: str, within: float) -> None:
    target = Target(kind=KYMA, name=kyma, namespace=KCP_NAMESPACE)
    with suppress(WaitError):
        await wait_for(client, target, _has_noted(module), what="list the module", within=within)


async def _settle(client: Client, name: str, within: float) -> None:
    try:
        manifest = await client.get(MANIFEST, name, KCP_NAMESPACE)
        resource = manifest["spec"]["resource"]
        seen = await client.get(Kind.of(resource), name, KCP_NAMESPACE)
    except (NotFoundError, KindAbsentError, KeyError):
        return
    if seen.get("status", {}).get("state") != "Ready":
        return
    target = Target(kind=MANIFEST, name=name, namespace=KCP_NAMESPACE)
    with suppress(WaitError):
        await wait_for(client, target, _is_settled, what="be settled", within=within)
        await _until_quiet(client, target, within)


async def _until_quiet(client: Client, target: Target, within: float) -> None:
    """Wait until no pass over a Manifest has written its status for a while: each does, if only the time."""
    with suppress(TimeoutError, WaitError, NotFoundError):
        async with asyncio.timeout(within):
            while True:
                seen = await client.get(target.kind, target.name, target.namespace)
                await wait_for(client, target, _differs_from(seen), what="change", within=QUIET)


def _differs_from(earlier: Object) -> Claim:
    version = earlier["metadata"]["resourceVersion"]
    return lambda seen: "it is as it was" if seen and seen["metadata"]["resourceVersion"] == version else ""


def _is_settled(manifest: Object | None) -> str:
    state = (manifest or {}).get("status", {}).get("state", "absent")
    return "" if manifest is None or state in ("Ready", "Deleting") else f"its state is {state}"


def _kyma(name: str) -> Object:
    return {
        "apiVersion": KYMA.api_version,
        "kind": KYMA.kind,
        "metadata": {
            "name": name,
            "namespace": KCP_NAMESPACE,
            "annotations": {"cli.kyma-project.io/source": "deploy"},
            "labels": {MANAGED_BY: LIFECYCLE_MANAGER},
        },
        "spec": {"channel": "regular", "modules": [], "sync": {"enabled": False}},
    }


async def _list_modules(client: Client, kyma: str, change: Callable[[list[Object]], list[Object]]) -> None:
    """Change the Kyma's list of modules; taken from the top when somebody else changes the Kyma meanwhile."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(ConflictError), stop=stop_after_attempt(10), reraise=True
    ):
        with attempt:
            seen = await client.get(KYMA, kyma, KCP_NAMESPACE)
            listed = seen["spec"].get("modules", [])
            patch = {
                "metadata": {"resourceVersion": seen["metadata"]["resourceVersion"]},
                "spec": {"modules": change(listed)},
            }
            await client.merge_patch(KYMA, kyma, patch, namespace=KCP_NAMESPACE)


def _without(module: str, listed: list[Object]) -> list[Object]:
    return [entry for entry in listed if entry["name"] != module]


def _has_noted(module: str) -> Claim:
    def claim(seen: Object | None) -> str:
        wanted = [entry["name"] for entry in (seen or {}).get("spec", {}).get("modules") or []]
        is_noted = module not in wanted or _states_of(module, seen) or not has_state("Error")(seen)
        return "" if is_noted else "its status does not list the module yet"

    return claim


def _lists_ready(module: str) -> Claim:
    def claim(seen: Object | None) -> str:
        states = _states_of(module, seen)
        lacking = "" if states == ["Ready"] else f"its status lists the module as {states or 'absent'}"
        return has_state("Ready")(seen) or lacking

    return claim


def _lacks(module: str) -> Claim:
    def claim(seen: Object | None) -> str:
        lingering = "its status still lists the module" if _states_of(module, seen) else ""
        return has_state("Ready")(seen) or lingering

    return claim


def _states_of(module: str, kyma: Object | None) -> list[str]:
    entries = (kyma or {}).get("status", {}).get("moduleStatus", [])
    return [entry["state"] for entry in entries if entry["moduleName"] == module]
