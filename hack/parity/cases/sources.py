"""Where a chart may come from, other than a chart layer: a Helm repository, a kustomization, plain YAML."""

from hack.parity.helm_repository import serving
from hack.parity.sample_module import Form, Recipe
from hack.parity.stage import Stage
from kubeloop.resource import Kind, Object
from kyma_harness.kyma.contract import KCP_NAMESPACE, KYMA_NAME, MANIFEST
from kyma_harness.kyma.module import Module
from kyma_harness.managers.lifecycle_manager.manifests import NOTHING


async def helm_repository_in_a_template(stage: Stage) -> None:
    """A template's layer is a chart in a Helm repository."""
    module = stage.plain()
    async with serving(module.chart) as url:

        def refer(template: Object) -> None:
            resource = template["spec"]["descriptor"]["component"]["resources"][0]
            resource["access"] = {
                "type": "helmChartRepository",
                "helmChartRepoUrl": url,
                "helmChartName": module.short_name,
                "helmChartVersion": module.version,
            }

        await stage.create_kyma()
        await stage.enable(await stage.offer(edit=refer))
        await stage.until_manifest(module, "Error")
        await stage.settle()


async def helm_repository_in_a_manifest(stage: Stage) -> None:
    """A Manifest that was made by hand names a chart in a Helm repository."""
    module = stage.plain()
    async with serving(module.chart) as url:
        source = {"type": "helm-chart", "url": url, "chartName": module.short_name}
        await stage.recorder.follow(Kind.of(dict(module.default_cr)))
        await stage.client.create(_manifest(stage, module, source))
        await stage.until_manifest(module, "Error")
        await stage.settle()


async def kustomization_in_a_layer(stage: Stage) -> None:
    """The chart layer is a kustomization, and the module is removed again."""
    await stage.create_kyma()
    module = await stage.install(Recipe(form=Form.KUSTOMIZATION))
    await stage.disable(module)
    await stage.settle()


async def plain_yaml_in_a_layer(stage: Stage) -> None:
    """The chart layer is a single file of YAML, and the module is removed again."""
    await stage.create_kyma()
    module = await stage.install(Recipe(form=Form.YAML))
    await stage.disable(module)
    await stage.settle()


def _manifest(stage: Stage, module: Module, source: Object) -> Object:
    name = stage.name_of(module)
    return {
        "apiVersion": MANIFEST.api_version,
        "kind": MANIFEST.kind,
        "metadata": {"name": name, "namespace": KCP_NAMESPACE, "labels": {KYMA_NAME: stage.kyma}},
        "spec": {
            "remote": False,
            "config": NOTHING,
            "crds": NOTHING,
            "installs": [{"name": module.short_name, "source": source}],
            "resource": {**module.default_cr, "metadata": {"name": name, "namespace": KCP_NAMESPACE}},
        },
    }


CASES = (
    helm_repository_in_a_template,
    helm_repository_in_a_manifest,
    kustomization_in_a_layer,
    plain_yaml_in_a_layer,
)
