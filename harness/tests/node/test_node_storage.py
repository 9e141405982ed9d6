import pytest

from kubeloop.kinds import POD, PV, PVC, STORAGE_CLASS

WRITE = "echo kept > /data/note"
READ = 'test "$(cat /data/note)" = kept'


def a_claim(namespace, **spec):
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, **spec},
    }  # fmt: skip


@pytest.fixture
def on_claim(shell):
    """Build a pod that runs a script with the claim mounted."""

    def build(script, **options):
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        return shell(
            script,
            spec={"volumes": [volume]},
            volumeMounts=[{"name": "data", "mountPath": "/data"}],
            **options,
        )

    return build


async def finished(cluster, namespace, pod):
    """Run a pod to its end and return its exit code."""
    await cluster.client.create(pod)
    name = pod["metadata"]["name"]
    status = await cluster.container(
        name, namespace, lambda one: "terminated" in one.get("state", {}), what="terminated"
    )
    return status["state"]["terminated"]["exitCode"]


async def removed(cluster, namespace, name):
    await cluster.client.delete(POD, name, namespace=namespace)
    await cluster.gone(POD, name, namespace)


async def volume_of(cluster, namespace):
    claim = await cluster.until(
        PVC, "data", namespace, lambda one: one["status"]["phase"] == "Bound", what="bound"
    )
    return await cluster.client.get(PV, claim["spec"]["volumeName"])


async def test_data_outlives_the_pod_that_wrote_it(cluster, namespace, on_claim):
    await cluster.client.create(a_claim(namespace))
    written = await finished(cluster, namespace, on_claim(WRITE, name="writer"))
    await removed(cluster, namespace, "writer")

    read = await finished(cluster, namespace, on_claim(READ, name="reader"))

    assert (written, read) == (0, 0)


async def test_a_claim_waits_for_its_first_consumer(cluster, namespace, on_claim):
    await cluster.client.create(a_claim(namespace))
    await cluster.until(
        PVC,
        "data",
        namespace,
        lambda one: one["spec"].get("storageClassName") == "standard",
        what="of the default class",
    )
    assert (await cluster.client.get(PVC, "data", namespace))["status"]["phase"] == "Pending"

    await finished(cluster, namespace, on_claim("true"))

    volume = await volume_of(cluster, namespace)
    assert volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] == "kyma-harness.io/directory"


async def test_with_delete_volume_and_data_go_with_the_claim(cluster, namespace, on_claim):
    await cluster.client.create(a_claim(namespace))
    await finished(cluster, namespace, on_claim(WRITE))
    volume = await volume_of(cluster, namespace)
    name = volume["metadata"]["name"]
    folder = cluster.state / "volumes" / name
    assert (folder / "note").read_text() == "kept\n"
    await removed(cluster, namespace, "job")

    await cluster.client.delete(PVC, "data", namespace=namespace)
    await cluster.gone(PV, name)

    assert not folder.exists()


async def test_with_retain_volume_and_data_stay(cluster, namespace, on_claim):
    await cluster.client.create(a_claim(namespace))
    await finished(cluster, namespace, on_claim(WRITE))
    name = (await volume_of(cluster, namespace))["metadata"]["name"]
    await cluster.client.merge_patch(PV, name, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    await removed(cluster, namespace, "job")

    await cluster.client.delete(PVC, "data", namespace=namespace)
    await cluster.until(PV, name, None, lambda one: one["status"]["phase"] == "Released", what="released")

    assert (cluster.state / "volumes" / name / "note").read_text() == "kept\n"
    await cluster.client.delete(PV, name)


async def test_an_immediate_class_needs_no_consumer_and_names_its_own_policy(cluster, namespace):
    storage_class = {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": namespace},
        "provisioner": "kyma-harness.io/directory", "reclaimPolicy": "Retain",
        "volumeBindingMode": "Immediate",
    }  # fmt: skip
    await cluster.client.create(storage_class)

    await cluster.client.create(a_claim(namespace, storageClassName=namespace))

    volume = await volume_of(cluster, namespace)
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    await cluster.client.delete(STORAGE_CLASS, namespace)
    await cluster.client.delete(PV, volume["metadata"]["name"])


async def test_a_stateful_set_takes_its_claims_up_again(cluster, namespace, shell):
    template = shell("test -e /data/seen || echo first > /data/seen; exec sleep 600", restart="Always")[
        "spec"
    ]
    template["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    claim = a_claim(namespace)
    await cluster.client.create({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": namespace},
        "spec": {
            "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": template},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim["spec"]}],
        },
    })  # fmt: skip
    before = await cluster.ready("db-0", namespace)

    await cluster.client.delete(POD, "db-0", namespace=namespace)
    await cluster.until(
        POD,
        "db-0",
        namespace,
        lambda one: one["metadata"]["uid"] != before["metadata"]["uid"],
        what="recreated",
    )
    await cluster.ready("db-0", namespace)

    bound = await cluster.client.get(PVC, "data-db-0", namespace)
    folder = cluster.state / "volumes" / bound["spec"]["volumeName"]
    assert (folder / "seen").read_text() == "first\n"
