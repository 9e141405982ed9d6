"""With --check-ready-states the built-in module-manager looks at what a chart runs, too."""

from pathlib import Path

from kubeloop.client import Client
from kubeloop.kinds import DEPLOYMENT
from kubeloop.resource import Object
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.kyma.installation import Settings
from kyma_harness.managers.module_manager.charts import Install
from kyma_harness.managers.module_manager.objects import Objects


def a_deployment() -> Object:
    labels = {"app": "readiness"}
    container = {"name": "main", "image": "registry.example.com/nothing:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "readiness"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def test_a_chart_is_ready_when_what_it_runs_is(embedded_cluster: EmbeddedCluster, tmp_path: Path):
    settings = Settings(client_config={}, overrides="", values={})
    install = Install(name="lamp", chart=tmp_path, settings=settings)
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "readiness"}}
    async with Client.from_kubeconfig(embedded_cluster.kubeconfig) as client:
        objects = Objects(client)
        waiting = a_deployment() | {"spec": a_deployment()["spec"] | {"replicas": 1}}

        without = await objects.are_ready([config_map], install)
        absent = await objects.are_ready([waiting], install)
        await objects.apply([waiting], install)
        unready = await objects.are_ready([waiting], install)

        await client.delete(DEPLOYMENT, "readiness", namespace="default")

    assert (without, absent, unready) == (True, False, False)
