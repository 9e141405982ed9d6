"""A module that only the tests know: a chart with one ConfigMap, and a custom resource without a manager."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.kinds import CONFIG_MAP
from kubeloop.resource import Kind, Object
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA, MANIFEST, MODULE_TEMPLATE
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import ORIGINAL, Quirks
from kyma_harness.oci.bundle import Bundle, pack
from kyma_harness.oci.registry import push
from kyma_harness.oci.template import template_objects
from kyma_harness.wait.claims import exists, has_state, is_gone
from kyma_harness.wait.waits import Claim, Target, wait_for

LAMP = Kind.parse("example.com/v1", "Lamp")
NAME = "default-kyma-lamp"
"""The name of the lamp's Manifest and of its custom resource."""

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Lamp, plural: lamps, singular: lamp, listKind: LampList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
MODULE = """\
name: example.com/module/lamp
version: %(version)s
channel: %(channel)s
chart: chart
config: config.yaml
defaultCR: lamp.yaml
manager: {namespace: lamps, deployment: lamp-manager}
"""


def write_lamp(folder: Path, *, version: str = "1.2.3", channel: str = "regular", salt: str = "") -> Module:
    """Write the module's folder and load it; its chart holds a ConfigMap ``lamp``.

    Another ``salt`` makes another digest. The original module-manager keeps what it rendered by digest, and
    a module that was removed in the middle of its installation comes back without its CRDs (contract 9.1).
    """
    files = {
        "module.yaml": MODULE % {"version": version, "channel": channel},
        "config.yaml": "configs:\n",
        "lamp.yaml": (
            "apiVersion: example.com/v1\nkind: Lamp\nmetadata: {name: sample, labels: {colour: red}}\n"
            "spec: {watts: 60}\n"
        ),
        "chart/Chart.yaml": f"apiVersion: v2\nname: lamp\nversion: {version}\n",
        "chart/values.yaml": "watts: 40\n" + (f"salt: {salt}\n" if salt else ""),
        "chart/crds/lamp.yaml": CRD,
        "chart/templates/lamp.yaml": (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lamp, namespace: lamps}\n"
            f"data: {{version: '{version}', watts: '{{{{ .Values.watts }}}}'}}\n"
        ),
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Module.load(folder / "module.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class LampKyma:
    """A Kyma that may have the lamp; whoever holds this plays the lamp's manager."""

    client: Client
    registry: str
    module: Module
    quirks: Quirks = ORIGINAL

    async def set_up(self) -> None:
        """Push the lamp, apply its template and create the Kyma."""
        await self.offer(self.module)
        await deploy.ensure_kyma(self.client)
        await self.until(KYMA, DEFAULT_KYMA, has_state("Ready"))

    async def tear_down(self) -> None:
        """Take the lamp off, if it is on, and its templates and the Kyma away."""
        await deploy.disable_module(self.client, "lamp", quirks=self.quirks)
        with suppress(NotFoundError, KindAbsentError):
            await self.client.merge_patch(
                LAMP, NAME, {"metadata": {"finalizers": []}}, namespace=KCP_NAMESPACE
            )
        await self.until(MANIFEST, NAME, is_gone())
        await self._sweep()
        for template in (await self.client.list(MODULE_TEMPLATE)).items:
            await self.client.delete(MODULE_TEMPLATE, template["metadata"]["name"], namespace=KCP_NAMESPACE)
        await self.client.delete(KYMA, DEFAULT_KYMA, namespace=KCP_NAMESPACE)
        await self.until(KYMA, DEFAULT_KYMA, is_gone())

    async def _sweep(self) -> None:
        """Take away what a known bug of the original leaves now and then, so that no other test meets it.

        Not the CRD: the original may remember that it has brought it.
        """
        for kind, name, namespace in ((LAMP, NAME, KCP_NAMESPACE), (CONFIG_MAP, "lamp", "lamps")):
            with suppress(NotFoundError, KindAbsentError):
                await self.client.delete(kind, name, namespace=namespace)

    async def offer(self, module: Module, *, name: str = "moduletemplate-lamp") -> Bundle:
        """Push a version of the lamp, and apply its template under a name."""
        bundle, registry = await self.push(module), f"{self.registry}/unsigned"
        for item in template_objects(bundle, registry):
            if item["kind"] == MODULE_TEMPLATE.kind:
                item["metadata"]["name"] = name
            await self.client.apply(item, field_manager="tests", force=True)
        return bundle

    async def push(self, module: Module) -> Bundle:
        """Push a version of the lamp to the cluster's registry."""
        bundle = pack(module)
        await push(bundle, f"{self.registry}/unsigned")
        return bundle

    async def shine(self, state: str = "Ready") -> None:
        """Wait for the lamp, and say of it what its manager would."""
        await self.until(LAMP, NAME, exists())
        await self.client.merge_patch(
            LAMP, NAME, {"status": {"state": state}}, namespace=KCP_NAMESPACE, subresource="status"
        )

    async def until(self, kind: Kind, name: str, claim: Claim, *, namespace: str = KCP_NAMESPACE) -> Object:
        """Wait until a claim holds; returns the object it holds for."""
        target = Target(kind=kind, name=name, namespace=namespace)
        return await wait_for(self.client, target, claim, what="be as expected", within=150) or {}
