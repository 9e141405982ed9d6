"""What Kubernetes' own conformance tests ask of a node and no other test of ours shows, re-told.

``conformance.yaml`` says which of them are shown where.
"""

import pytest
from node_cluster import wait_until

from kubeloop.kinds import CONFIG_MAP, POD, SECRET

SOURCES = ("config", "secret", "projected-config", "projected-secret")
FALLING_BACK = {"terminationMessagePolicy": "FallbackToLogsOnError"}


@pytest.fixture
def log_of(cluster, namespace):
    async def read(name="job"):
        return (await cluster.kubectl("logs", name, "-n", namespace)).stdout

    return read


def statuses(pod):
    return pod["status"].get("containerStatuses") or [{}]


def restarts(pod):
    return statuses(pod)[0].get("restartCount", 0)


async def running(cluster, namespace, name="job"):
    await cluster.until(
        POD, name, namespace, lambda one: one["status"].get("phase") == "Running", what="running"
    )


def with_label(pod, **labels):
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}}


async def test_a_container_that_ends_leads_to_the_phase_and_the_restarts_of_its_policy(
    cluster, namespace, shell
):
    flag = "/flag/again"
    script = f"test -e {flag} && exit 0; touch {flag}; exit 1"
    volume = {"volumes": [{"name": "flag", "emptyDir": {}}]}
    mount = [{"name": "flag", "mountPath": "/flag"}]
    for policy in ("Always", "OnFailure", "Never"):
        pod = shell(script, name=policy.lower(), restart=policy, spec=volume, volumeMounts=mount)
        await cluster.client.create(pod)

    never = await cluster.until(
        POD, "never", namespace, lambda one: one["status"]["phase"] == "Failed", what="Failed"
    )
    once_more = await cluster.until(
        POD, "onfailure", namespace, lambda one: one["status"]["phase"] == "Succeeded", what="Succeeded"
    )
    always = await cluster.until(
        POD, "always", namespace, lambda one: restarts(one) >= 2, what="restarted twice"
    )

    assert (restarts(never), restarts(once_more)) == (0, 1)
    assert always["status"]["phase"] == "Running"
    assert statuses(never)[0]["state"]["terminated"]["reason"] == "Error"


async def test_a_container_that_ends_well_has_no_words_but_those_of_its_file(cluster, namespace, shell):
    await cluster.client.create(shell("echo not this", name="silent", **FALLING_BACK))
    await cluster.client.create(shell("printf done > /dev/termination-log", name="telling", **FALLING_BACK))

    for name, words in (("silent", None), ("telling", "done")):
        pod = await cluster.until(
            POD, name, namespace, lambda one: one["status"]["phase"] == "Succeeded", what="Succeeded"
        )
        assert statuses(pod)[0]["state"]["terminated"].get("message") == words


async def test_optional_sources_come_change_and_go_in_every_kind_of_volume(cluster, namespace, shell, log_of):
    optional = {"name": "it", "optional": True}
    volumes = [
        {"name": "config", "configMap": optional},
        {"name": "secret", "secret": {"secretName": "it", "optional": True}},
        {"name": "projected-config", "projected": {"sources": [{"configMap": optional}]}},
        {"name": "projected-secret", "projected": {"sources": [{"secret": optional}]}},
    ]
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in SOURCES]
    look = "; ".join(f"cat /{name}/key 2>/dev/null || printf none; printf ' '" for name in SOURCES)
    script = f'while true; do now=$({look}); test "$now" = "$was" || echo "$now"; was=$now; sleep 0.2; done'
    elsewhere = {
        "metadata": {"name": "it", "namespace": "default"},
        "apiVersion": "v1",
        "stringData": {"key": "theirs"},
    }
    await cluster.client.apply({**elsewhere, "kind": "Secret"}, field_manager="test", force=True)
    await cluster.client.create(shell(script, spec={"volumes": volumes}, volumeMounts=mounts))

    async def seen(word):
        async def last_line():
            lines = (await log_of()).splitlines()
            return lines and lines[-1].split() == [word] * len(SOURCES)

        await wait_until(last_line, what=f"see {word} four times")

    await running(cluster, namespace)
    await seen("none")
    named = {"apiVersion": "v1", "metadata": {"name": "it", "namespace": namespace}}
    await cluster.client.create({**named, "kind": "ConfigMap", "data": {"key": "one"}})
    await cluster.client.create({**named, "kind": "Secret", "stringData": {"key": "one"}})
    await seen("one")
    await cluster.client.merge_patch(CONFIG_MAP, "it", {"data": {"key": "two"}}, namespace=namespace)
    await cluster.client.merge_patch(SECRET, "it", {"stringData": {"key": "two"}}, namespace=namespace)
    await seen("two")
    await cluster.client.delete(CONFIG_MAP, "it", namespace=namespace)
    await cluster.client.delete(SECRET, "it", namespace=namespace)
    await seen("none")


async def test_labels_and_annotations_follow_the_pod_in_a_volume(cluster, namespace, shell, log_of):
    items = [{"path": one, "fieldRef": {"fieldPath": f"metadata.{one}"}} for one in ("labels", "annotations")]
    volumes = [
        {"name": "down", "downwardAPI": {"items": items}},
        {"name": "projected", "projected": {"sources": [{"downwardAPI": {"items": items}}]}},
    ]
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("down", "projected")]
    files = " ".join(
        f"/{volume}/{file}" for volume in ("down", "projected") for file in ("labels", "annotations")
    )
    script = f"while true; do cat {files}; echo; sleep 0.2; done"
    pod = with_label(shell(script, spec={"volumes": volumes}, volumeMounts=mounts), colour="red")
    await cluster.client.create(pod)

    async def both_say(line):
        async def said():
            return (await log_of()).count(line) >= 2

        await wait_until(said, what=f"say {line} in both volumes")

    await running(cluster, namespace)
    await both_say('colour="red"')
    await cluster.client.merge_patch(
        POD,
        "job",
        {"metadata": {"labels": {"colour": "green"}, "annotations": {"mood": "fine"}}},
        namespace=namespace,
    )
    await both_say('colour="green"')
    await both_say('mood="fine"')


async def test_a_deadline_can_be_set_while_the_pod_runs(cluster, namespace, shell):
    await cluster.client.create(shell("exec sleep 600"))
    await running(cluster, namespace)

    await cluster.client.merge_patch(POD, "job", {"spec": {"activeDeadlineSeconds": 1}}, namespace=namespace)

    pod = await cluster.until(
        POD, "job", namespace, lambda one: one["status"]["phase"] == "Failed", what="Failed"
    )
    assert pod["status"]["reason"] == "DeadlineExceeded"


async def test_pods_of_a_label_go_together(cluster, namespace, shell):
    names = ("a", "b", "c")
    for name in names:
        await cluster.client.create(with_label(shell("exec sleep 600", name=name), app="flock"))
    for name in names:
        await cluster.ready(name, namespace)

    await cluster.kubectl("delete", "pods", "-l", "app=flock", "-n", namespace, "--wait=false")

    for name in names:
        await cluster.gone(POD, name, namespace)


async def test_while_an_init_container_fails_it_is_tried_again_and_no_other_starts(cluster, namespace, shell):
    init = {"name": "first", "image": "test/shell:1", "command": ["sh", "-c", "exit 1"]}
    never = {"name": "second", "image": "test/shell:1", "command": ["sh", "-c", "exit 0"]}
    await cluster.client.create(
        shell("exec sleep 600", restart="Always", spec={"initContainers": [init, never]})
    )

    def tried_again(pod):
        found = pod["status"].get("initContainerStatuses") or [{}]
        return found[0].get("restartCount", 0) >= 2

    pod = await cluster.until(POD, "job", namespace, tried_again, what="tried again")

    assert pod["status"]["phase"] == "Pending"
    assert "waiting" in pod["status"]["initContainerStatuses"][1]["state"]
    assert "waiting" in statuses(pod)[0]["state"]


async def test_every_way_of_probing_leaves_a_healthy_container_alone_and_restarts_another(
    cluster, namespace, web
):
    file = cluster.state / f"{namespace}-healthy"
    file.touch()
    every = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 30}
    well = {
        "http": {"httpGet": {"path": "/healthz", "port": "http"}},
        "tcp": {"tcpSocket": {"port": 8080}},
        "exec": {"exec": {"command": ["test", "-e", str(file)]}},
    }
    ill = {
        "http": {
            "httpGet": {"path": "/healthz", "port": 8080, "httpHeaders": [{"name": "Host", "value": "x"}]}
        },
        "exec": {"exec": {"command": ["test", "-e", f"{file}-not"]}},
    }
    startup = {"startupProbe": {**well["http"], "periodSeconds": 1, "failureThreshold": 120}}
    for name, how in well.items():
        await cluster.client.create(web(name=f"well-{name}", livenessProbe={**how, **every}, **startup))
    unhealthy = f"--unhealthy-if={file}"
    late = {**every, "initialDelaySeconds": 1}
    await cluster.client.create(
        web(unhealthy, name="ill-http", livenessProbe={**ill["http"], **late}, readinessProbe=None)
    )
    await cluster.client.create(
        web(name="ill-exec", livenessProbe={**ill["exec"], **late}, readinessProbe=None)
    )

    for name in ("ill-http", "ill-exec"):
        await cluster.until(POD, name, namespace, lambda one: restarts(one) >= 2, what="restarted twice")

    for name in well:
        assert restarts(await cluster.ready(f"well-{name}", namespace)) == 0


async def test_a_pod_s_generation_counts_its_changes_and_the_node_says_which_it_has_seen(
    cluster, namespace, shell
):
    await cluster.client.create(shell("exec sleep 600"))
    await cluster.ready("job", namespace)

    changed = await cluster.client.merge_patch(
        POD, "job", {"spec": {"activeDeadlineSeconds": 3600}}, namespace=namespace
    )

    assert changed["metadata"]["generation"] == 2
    await cluster.until(
        POD,
        "job",
        namespace,
        lambda one: one["status"].get("observedGeneration") == 2,
        what="seen in generation 2",
    )


async def test_what_only_the_api_server_decides_is_decided_by_the_real_one(cluster, namespace, shell):
    named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fixed", "namespace": namespace}}
    await cluster.client.create({**named, "data": {"key": "one"}, "immutable": True})
    refused = await cluster.kubectl(
        "patch", "configmap", "fixed", "-n", namespace, "-p", '{"data": {"key": "two"}}', check=False
    )
    pod = await cluster.client.create(
        shell("exit 0", resources={one: {"cpu": "1", "memory": "8Mi"} for one in ("limits", "requests")})
    )

    assert refused.returncode != 0
    assert "immutable" in refused.stderr
    assert pod["status"]["qosClass"] == "Guaranteed"
