"""What a case is written with: the steps of a module's life, and the accidents in it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from hack.parity.recorder import Recorder
from hack.parity.rig import Rig
from hack.parity.sample_module import Recipe, Specimens
from kubeloop.client import Client
from kubeloop.kinds import POD
from kubeloop.resource import Kind, Object
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import KCP_NAMESPACE, KYMA, MANIFEST, MODULE_TEMPLATE
from kyma_harness.kyma.module import Module
from kyma_harness.oci.bundle import CHART_TYPE, RAW_TYPE, Blob, Bundle, pack_folder
from kyma_harness.oci.registry import push
from kyma_harness.oci.template import template_objects
from kyma_harness.wait.claims import exists, has_state, is_gone, is_ready, satisfies
from kyma_harness.wait.waits import Claim, Target, wait_for

PREFIX = "parity"
WITHIN = 120.0
"""Seconds for anything that is waited for."""
HOLD = "parity.example.com/hold"
PLAIN = Recipe()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One case's part of a cluster: its Kyma, its modules, its registry."""

    rig: Rig
    slug: str
    specimens: Specimens
    recorder: Recorder
    kyma: str

    @property
    def client(self) -> Client:
        """The administrator's client."""
        return self.rig.client

    def beside(self, suffix: str) -> "Stage":
        """Return the same stage with another Kyma."""
        return replace(self, kyma=f"{self.slug}{suffix}")

    @property
    def short_name(self) -> str:
        """The plain specimen's name in a Kyma."""
        return self.specimens.short_name

    def plain(self) -> Module:
        """Return the plain specimen, as it was offered."""
        return self.specimens.make(PLAIN)

    async def create_kyma(self) -> None:
        """Create the Kyma, and wait until it is Ready without modules."""
        await deploy.ensure_kyma(self.client, self.kyma)
        await self.until(KYMA, self.kyma, has_state("Ready"))

    async def offer(
        self,
        recipe: Recipe = PLAIN,
        *,
        template: str = "",
        edit: Callable[[Object], None] = lambda _template: None,
    ) -> Module:
        """Push a module and apply its template, which may be edited before; returns the module."""
        module = self.specimens.make(recipe)
        bundle = _packed(module)
        await push(bundle, f"{self.rig.registry}/{PREFIX}", base_url=f"{self.rig.pulled_from}/{PREFIX}")
        await self.recorder.follow(Kind.of(dict(module.default_cr)))
        for item in template_objects(bundle, f"{self.rig.pulled_from}/{PREFIX}"):
            if item["kind"] == MODULE_TEMPLATE.kind:
                item["metadata"]["name"] = template or f"{self.slug}-{module.short_name}"
                edit(item)
                await self.client.apply(item, field_manager="parity", force=True)
        return module

    async def enable(self, module: Module | str, channel: str | None = None) -> None:
        """List a module in the Kyma."""
        await deploy.enable_module(self.client, _short(module), channel=channel, kyma=self.kyma)

    async def disable(self, module: Module | str) -> None:
        """Take a module off the Kyma's list."""
        await deploy.disable_module(self.client, _short(module), kyma=self.kyma)

    async def report(self, module: Module, state: str = "Ready") -> None:
        """Say of the custom resource what its manager would.

        The first time not before both managers have noticed that there is a resource without a status:
        whether they would is a matter of milliseconds.
        """
        kind, name = Kind.of(dict(module.default_cr)), self.name_of(module)
        if "status" not in await self.until(kind, name, exists()):
            await self.until_manifest(module, "Error")
            await self._until_listed(module, "Error")
        status = {"status": {"state": state}}
        await self.client.merge_patch(kind, name, status, namespace=KCP_NAMESPACE, subresource="status")

    async def install(self, recipe: Recipe = PLAIN) -> Module:
        """Take a module from nothing to Ready."""
        module = await self.offer(recipe)
        await self.enable(module)
        await self.report(module)
        await self.until_ready(module)
        return module

    async def until_ready(self, module: Module) -> None:
        """Wait until the Manifest and the Kyma with it are Ready, and stay so for a moment."""
        await deploy.wait_until_ready(self.client, module, kyma=self.kyma, within=WITHIN)
        await self.settle()

    async def until_removed(self, module: Module) -> None:
        """Wait until the module is gone from the cluster and from the Kyma's status."""
        name = module.short_name
        await deploy.wait_until_removed(self.client, name, kinds=(), kyma=self.kyma, within=WITHIN)
        await self.settle()

    async def until_manifest(self, module: Module, state: str) -> None:
        """Wait for a state of the Manifest."""
        await self.until(MANIFEST, self.name_of(module), has_state(state))

    async def until_kyma(self, state: str) -> None:
        """Wait for a state of the Kyma."""
        await self.until(KYMA, self.kyma, has_state(state))

    async def until_manifest_gone(self, module: Module) -> None:
        """Wait until there is no Manifest of the module."""
        await self.until_gone(MANIFEST, self.name_of(module))

    async def _until_listed(self, module: Module, state: str) -> None:
        def lists(kyma: Object) -> bool:
            entries = kyma.get("status", {}).get("moduleStatus", [])
            return (module.short_name, state) in {(one["moduleName"], one["state"]) for one in entries}

        await self.until(KYMA, self.kyma, satisfies(lists, f"it does not list the module as {state} yet"))

    async def until_another_than(self, former: Object) -> None:
        """Wait until another object has an object's name."""

        def is_another(seen: Object) -> bool:
            return bool(seen["metadata"]["uid"] != former["metadata"]["uid"])

        kind, name = Kind.of(former), former["metadata"]["name"]
        await self.until(kind, name, satisfies(is_another, "it is still the same one"))

    async def until_version(self, module: Module) -> None:
        """Wait until the Kyma's status names the module's version."""

        def has_version(kyma: Object) -> bool:
            entries = kyma.get("status", {}).get("moduleStatus", [])
            return any(entry["templateInfo"]["version"] == module.version for entry in entries)

        claim = satisfies(has_version, f"it does not have version {module.version} yet")
        await self.until(KYMA, self.kyma, claim)

    async def until_gone(self, kind: Kind, name: str, namespace: str | None = KCP_NAMESPACE) -> None:
        """Wait until there is no such object."""
        await self.until(kind, name, is_gone(), namespace=namespace)

    async def until(
        self, kind: Kind, name: str, claim: Claim, *, namespace: str | None = KCP_NAMESPACE
    ) -> Object:
        """Wait until a claim holds; returns the object."""
        target = Target(kind=kind, name=name, namespace=namespace)
        return await wait_for(self.client, target, claim, what="be as expected", within=WITHIN) or {}

    async def settle(self) -> None:
        """Wait until nothing changes any more, for longer than both managers' resync takes."""
        await self.recorder.quiet(seconds=2.6, within=12)

    def name_of(self, module: Module) -> str:
        """Return the name of the module's Manifest and custom resource."""
        return deploy.instance_name(module.short_name, self.kyma)

    async def edit_resource(self, module: Module, patch: dict[str, Any]) -> None:
        """Merge a patch into the custom resource."""
        kind = Kind.of(dict(module.default_cr))
        await self.client.merge_patch(kind, self.name_of(module), patch, namespace=KCP_NAMESPACE)

    async def hold(self, module: Module) -> None:
        """Put a finalizer on the custom resource that nobody takes off."""
        await self.edit_resource(module, {"metadata": {"finalizers": [HOLD]}})

    async def let_go(self, module: Module) -> None:
        """Take the finalizer off again."""
        await self.edit_resource(module, {"metadata": {"finalizers": []}})

    async def delete(self, kind: Kind, name: str, namespace: str = KCP_NAMESPACE) -> None:
        """Delete an object by hand."""
        await self.client.delete(kind, name, namespace=namespace)

    async def delete_kyma(self) -> None:
        """Delete the Kyma."""
        await self.delete(KYMA, self.kyma)

    async def switch_kyma(self, channel: str) -> None:
        """Set the Kyma's own channel."""
        patch = {"spec": {"channel": channel}}
        await self.client.merge_patch(KYMA, self.kyma, patch, namespace=KCP_NAMESPACE)

    async def define(self) -> None:
        """Create the specimen's definitions, which a chart without any takes for granted."""
        for item in self.specimens.definitions():
            await self.client.apply(item, field_manager="parity")

    def damage_chart(self, template: Object) -> None:
        """Change a value in the chart layer that a template names, behind the registry's back."""
        digest = template["spec"]["descriptor"]["component"]["resources"][0]["access"]["digest"]
        blob = self.rig.blob(digest)
        blob.write_bytes(blob.read_bytes().replace(b"colour: white", b"colour: black"))

    async def restart(self, manager: str) -> None:
        """Delete a manager's pod, and wait until the next one is ready."""
        former = await self._pod_of(manager)
        await self.client.delete(POD, former, namespace=KCP_NAMESPACE)
        await self.until_gone(POD, former)
        await self.until(POD, await self._pod_of(manager, besides=former), is_ready())

    @asynccontextmanager
    async def registry_down(self) -> AsyncIterator[None]:
        """Let nobody reach the registry while the block runs."""
        await self.rig.gate.close()
        try:
            yield
        finally:
            await self.rig.open_gate()

    async def _pod_of(self, manager: str, besides: str = "") -> str:
        """Return the name of a manager's pod, other than one, as soon as there is such a pod."""
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda name: not name), stop=stop_after_delay(WITHIN), wait=wait_fixed(0.2)
        )
        name: str = await retrying(self._find_pod, manager, besides)
        return name

    async def _find_pod(self, manager: str, besides: str) -> str:
        pods = (await self.client.list(POD, namespace=KCP_NAMESPACE)).items
        names = (pod["metadata"]["name"] for pod in pods)
        return next((name for name in names if name.startswith(f"{manager}-") and name != besides), "")


def _packed(module: Module) -> Bundle:
    """Pack a module, even one that the packer would refuse: what comes of it is what is looked at."""
    return Bundle(
        module=module,
        chart=Blob(media_type=CHART_TYPE, content=pack_folder(module.chart)),
        config=Blob(media_type=RAW_TYPE, content=module.config.read_bytes()),
    )


def _short(module: Module | str) -> str:
    return module if isinstance(module, str) else module.short_name
