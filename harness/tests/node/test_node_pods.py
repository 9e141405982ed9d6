import asyncio
import os

import pytest
from node_cluster import address_of, fetch, wait_until

from kubeloop.kinds import CONFIG_MAP, DEPLOYMENT, POD, STATEFUL_SET


def terminated(status):
    return status.get("state", {}).get("terminated")


def waiting_for(reason):
    return lambda status: status.get("state", {}).get("waiting", {}).get("reason") == reason


def has_succeeded(pod):
    return pod["status"].get("phase") == "Succeeded"


def exists(path):
    async def claim():
        return path.exists()

    return claim


def workload(kind, namespace, template, **spec):
    metadata = {**template["metadata"], "namespace": namespace}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": metadata["labels"]}, "spec": template["spec"]},
            **spec,
        },
    }  # fmt: skip


async def test_a_deployment_becomes_available(cluster, namespace, web):
    await cluster.client.create(workload("Deployment", namespace, web(), replicas=2))

    await cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=120s")

    deployment = await cluster.client.get(DEPLOYMENT, "web", namespace)
    assert deployment["status"]["readyReplicas"] == 2


async def test_a_stateful_set_rolls_through_its_pods_in_order(cluster, namespace, web):
    await cluster.client.create(workload("StatefulSet", namespace, web(), replicas=2, serviceName="web"))

    await cluster.kubectl("rollout", "status", "statefulset/web", "-n", namespace, "--timeout=120s")
    await cluster.kubectl("rollout", "restart", "statefulset/web", "-n", namespace)
    await cluster.kubectl("rollout", "status", "statefulset/web", "-n", namespace, "--timeout=120s")

    status = (await cluster.client.get(STATEFUL_SET, "web", namespace))["status"]
    assert (status["readyReplicas"], status["updatedReplicas"]) == (2, 2)
    assert status["currentRevision"] == status["updateRevision"]


async def test_a_pod_answers_at_the_address_in_its_annotation(cluster, namespace, web):
    await cluster.client.create(web(env=[{"name": "GREETING", "value": "hello $(NAME)"}]))

    pod = await cluster.ready("web", namespace)

    answer = await fetch(address_of(pod))
    assert answer["environment"]["GREETING"] == "hello $(NAME)"
    assert answer["environment"]["HOSTNAME"] == "web"
    assert answer["environment"].get("KUBERNETES_SERVICE_HOST", "127.0.0.1") == "127.0.0.1"


async def test_the_first_readiness_probe_does_not_wait_for_its_delay(cluster, namespace, web):
    probe = {"httpGet": {"path": "/", "port": 8080}, "initialDelaySeconds": 3600, "periodSeconds": 3600}
    await cluster.client.create(web(readinessProbe=probe))

    pod = await cluster.ready("web", namespace)

    assert pod["status"]["phase"] == "Running"


async def test_a_changed_config_map_reaches_the_running_process(cluster, namespace, web):
    config = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "namespace": namespace},
        "data": {"greeting": "hello"},
    }  # fmt: skip
    await cluster.client.create(config)
    volume = {"name": "conf", "configMap": {"name": "conf"}}
    mount = {"name": "conf", "mountPath": "/etc/conf"}
    await cluster.client.create(
        web("--config=/etc/conf/greeting", spec={"volumes": [volume]}, volumeMounts=[mount])
    )
    address = address_of(await cluster.ready("web", namespace))
    before = await fetch(address)

    await cluster.client.merge_patch(
        CONFIG_MAP, "conf", {"data": {"greeting": "good bye"}}, namespace=namespace
    )

    async def has_changed():
        return (await fetch(address))["config"] == "good bye"

    await wait_until(has_changed, what="serve the new content")
    assert before["config"] == "hello"
    assert (await fetch(address))["pid"] == before["pid"]


async def test_a_pod_waits_for_a_config_map_that_comes_later(cluster, namespace, shell):
    spec = {"volumes": [{"name": "conf", "configMap": {"name": "conf"}}]}
    mount = [{"name": "conf", "mountPath": "/etc/conf"}]
    await cluster.client.create(shell("test $(cat /etc/conf/a) = 1", spec=spec, volumeMounts=mount))
    await cluster.container("job", namespace, waiting_for("ContainerCreating"), what="waiting")

    await cluster.client.create({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf", "namespace": namespace},
        "data": {"a": "1"},
    })  # fmt: skip

    status = await cluster.container("job", namespace, terminated, what="terminated")
    assert status["state"]["terminated"]["exitCode"] == 0


async def test_an_environment_that_cannot_be_built_is_reported_and_healed(cluster, namespace, shell):
    reference = {"secretKeyRef": {"name": "login", "key": "user"}}
    await cluster.client.create(shell('test "$WHO" = me', env=[{"name": "WHO", "valueFrom": reference}]))
    status = await cluster.container(
        "job", namespace, waiting_for("CreateContainerConfigError"), what="waiting for its Secret"
    )
    assert status["state"]["waiting"]["message"] == f'secret "login" not found in namespace {namespace}'

    await cluster.client.create({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": namespace},
        "stringData": {"user": "me"},
    })  # fmt: skip

    status = await cluster.container("job", namespace, terminated, what="terminated")
    assert status["state"]["terminated"]["exitCode"] == 0


async def test_an_unknown_image_waits_and_names_the_missing_rule(cluster, namespace, shell):
    await cluster.client.create(shell("true", image="ghcr.io/org/unknown:1"))

    status = await cluster.container("job", namespace, waiting_for("ErrImagePull"), what="ErrImagePull")

    assert 'no process rule matches image "ghcr.io/org/unknown:1"' in status["state"]["waiting"]["message"]
    assert "test/web:*" in status["state"]["waiting"]["message"]
    assert not status["ready"]


async def test_an_unknown_image_is_left_behind_by_naming_another(cluster, namespace, shell):
    await cluster.client.create(shell("true", image="unknown:1"))
    await cluster.container("job", namespace, waiting_for("ErrImagePull"), what="ErrImagePull")

    await cluster.kubectl("set", "image", "pod/job", "main=test/shell:2", "-n", namespace)

    status = await cluster.container("job", namespace, terminated, what="terminated")
    assert status["state"]["terminated"]["exitCode"] == 0


async def test_a_running_container_is_restarted_for_another_image(cluster, namespace, web):
    await cluster.client.create(web())
    await cluster.ready("web", namespace)

    await cluster.kubectl("set", "image", "pod/web", "main=test/web:2", "-n", namespace)

    status = await cluster.container(
        "web", namespace, lambda one: one.get("restartCount") == 1 and one["ready"], what="restarted"
    )
    assert status["image"] == "test/web:2"


async def test_a_program_that_is_not_there_ends_as_a_start_error(cluster, namespace, shell):
    await cluster.client.create(shell("true", image="test/missing-program:1"))

    status = await cluster.container("job", namespace, terminated, what="terminated")

    assert status["state"]["terminated"]["reason"] == "StartError"
    assert "no-such-program" in status["state"]["terminated"]["message"]


async def test_a_crashing_container_is_restarted_with_back_off(cluster, namespace, shell):
    await cluster.client.create(shell("echo broken; exit 3", restart="Always"))

    status = await cluster.container(
        "job", namespace,
        lambda one: waiting_for("CrashLoopBackOff")(one) and one["restartCount"] >= 2, what="crash-looping",
    )  # fmt: skip

    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert status["state"]["waiting"]["message"].startswith("back-off ")


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (4, "Failed")])
async def test_a_pod_that_is_never_restarted_ends(cluster, namespace, shell, code, phase):
    await cluster.client.create(shell(f"exit {code}"))

    status = await cluster.container("job", namespace, terminated, what="terminated")

    pod = await cluster.until(
        POD, "job", namespace, lambda one: one["status"]["phase"] in {"Succeeded", "Failed"}, what="over"
    )
    assert pod["status"]["phase"] == phase
    assert status["state"]["terminated"]["exitCode"] == code
    assert status["restartCount"] == 0


async def test_last_words_reach_the_status(cluster, namespace, shell):
    script = 'echo "out of luck" > $WORDS; exit 1'
    await cluster.client.create(shell(script, env=[{"name": "WORDS", "value": "/dev/termination-log"}]))

    status = await cluster.container("job", namespace, terminated, what="terminated")

    assert status["state"]["terminated"]["message"] == "out of luck\n"


async def test_without_last_words_the_log_may_take_their_place(cluster, namespace, shell):
    await cluster.client.create(shell("echo oh no; exit 1", terminationMessagePolicy="FallbackToLogsOnError"))

    status = await cluster.container("job", namespace, terminated, what="terminated")

    assert status["state"]["terminated"]["message"] == "oh no"


async def test_init_containers_run_in_order_before_the_others(cluster, namespace, shell):
    mount = [{"name": "work", "mountPath": "/work"}]

    def init(name, script):
        return {"name": name, "image": "test/shell:1", "command": ["sh", "-c", script], "volumeMounts": mount}

    spec = {
        "volumes": [{"name": "work", "emptyDir": {}}],
        "initContainers": [init("one", "echo 1 >> /work/log"), init("two", "echo 2 >> /work/log")],
    }
    await cluster.client.create(
        shell('test "$(cat /work/log | tr -d "\\n")" = 12', spec=spec, volumeMounts=mount)
    )

    status = await cluster.container("job", namespace, terminated, what="terminated")

    assert status["state"]["terminated"]["exitCode"] == 0


async def test_a_failing_init_container_fails_a_pod_that_is_never_restarted(cluster, namespace, shell):
    init = {"name": "prepare", "image": "test/shell:1", "command": ["false"]}
    await cluster.client.create(shell("true", spec={"initContainers": [init]}))

    pod = await cluster.until(
        POD, "job", namespace, lambda one: one["status"]["phase"] == "Failed", what="Failed"
    )

    (status,) = pod["status"]["containerStatuses"]
    assert status["state"] == {"waiting": {"reason": "PodInitializing"}}


async def test_a_sidecar_runs_beside_and_ends_after_the_others(cluster, namespace, shell):
    up = cluster.state / f"{namespace}-up"
    script = f"trap 'exit 0' TERM; touch {up}; while true; do sleep 0.1; done"
    sidecar = {
        "name": "proxy", "image": "test/shell:1", "restartPolicy": "Always", "command": ["sh", "-c", script],
    }  # fmt: skip
    spec = {"initContainers": [sidecar], "terminationGracePeriodSeconds": 60}
    await cluster.client.create(shell(f"while ! test -e {up}; do sleep 0.05; done", spec=spec))

    pod = await cluster.until(POD, "job", namespace, has_succeeded, what="over")

    (status,) = pod["status"]["initContainerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 0


async def test_a_simulated_pod_is_ready_without_a_command_and_says_that_it_is_simulated(
    cluster, namespace, shell
):
    await cluster.client.create(shell("", image="test/simulated:1", command=None, restart="Always"))

    pod = await cluster.ready("job", namespace)

    assert pod["metadata"]["annotations"]["node.kyma-harness.io/simulated"] == "main"


async def test_a_pod_that_was_taken_for_dead_is_said_to_be_ready_again(cluster, namespace, shell):
    await cluster.client.create(shell("exec sleep 60"))
    pod = await cluster.ready("job", namespace)
    for condition in pod["status"]["conditions"]:
        condition["status"] = "False"
    patch = {"status": {"conditions": pod["status"]["conditions"]}}

    marked = await cluster.client.merge_patch(POD, "job", patch, namespace=namespace, subresource="status")

    assert {one["status"] for one in marked["status"]["conditions"]} == {"False"}
    await cluster.ready("job", namespace)


async def test_a_deadline_fails_the_pod(cluster, namespace, shell):
    await cluster.client.create(shell("exec sleep 60", spec={"activeDeadlineSeconds": 1}))

    pod = await cluster.until(
        POD, "job", namespace, lambda one: one["status"]["phase"] == "Failed", what="Failed"
    )

    assert pod["status"]["reason"] == "DeadlineExceeded"


async def test_deletion_lets_the_process_leave_by_itself(cluster, namespace, shell):
    witness, up = cluster.state / f"{namespace}-left", cluster.state / f"{namespace}-up"
    script = f"trap 'echo left > {witness}; exit 0' TERM; touch {up}; while true; do sleep 0.05; done"
    await cluster.client.create(shell(script, spec={"terminationGracePeriodSeconds": 60}))
    await wait_until(exists(up), what="be up")

    await cluster.client.delete(POD, "job", namespace=namespace)
    await cluster.gone(POD, "job", namespace)

    assert witness.read_text() == "left\n"


async def test_the_pre_stop_hook_runs_before_the_signal(cluster, namespace, shell):
    witness, up = cluster.state / f"{namespace}-order", cluster.state / f"{namespace}-up"
    script = f"trap 'echo signal >> {witness}; exit 0' TERM; touch {up}; while true; do sleep 0.05; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", f"echo hook >> {witness}"]}}}
    spec = {"terminationGracePeriodSeconds": 60}
    await cluster.client.create(shell(script, spec=spec, lifecycle=hook))
    await wait_until(exists(up), what="be up")

    await cluster.client.delete(POD, "job", namespace=namespace)
    await cluster.gone(POD, "job", namespace)

    assert witness.read_text() == "hook\nsignal\n"


async def test_a_process_that_ignores_the_signal_is_killed_after_the_grace(cluster, namespace, web):
    await cluster.client.create(web("--ignore-sigterm", spec={"terminationGracePeriodSeconds": 1}))
    pid = (await fetch(address_of(await cluster.ready("web", namespace))))["pid"]

    await cluster.client.delete(POD, "web", namespace=namespace)
    await cluster.gone(POD, "web", namespace)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_pod_deleted_by_force_leaves_no_process(cluster, namespace, web):
    await cluster.client.create(web("--ignore-sigterm", spec={"terminationGracePeriodSeconds": 600}))
    pid = (await fetch(address_of(await cluster.ready("web", namespace))))["pid"]

    await cluster.client.delete(POD, "web", namespace=namespace, grace_period_seconds=0)

    async def is_gone():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    await wait_until(is_gone, what="be gone")


async def test_a_long_grace_can_be_cut_short(cluster, namespace, web):
    await cluster.client.create(web("--ignore-sigterm", spec={"terminationGracePeriodSeconds": 600}))
    await cluster.ready("web", namespace)
    await cluster.client.delete(POD, "web", namespace=namespace)

    await cluster.client.delete(POD, "web", namespace=namespace, grace_period_seconds=1)

    await cluster.gone(POD, "web", namespace)


async def test_a_pod_is_deleted_while_it_waits_for_a_volume(cluster, namespace, shell):
    await cluster.client.create(
        shell("true", spec={"volumes": [{"name": "c", "configMap": {"name": "none"}}]})
    )
    await cluster.container("job", namespace, waiting_for("ContainerCreating"), what="waiting")

    await cluster.client.delete(POD, "job", namespace=namespace)

    await cluster.gone(POD, "job", namespace)


async def test_an_evicted_pod_goes_gracefully(cluster, namespace, web):
    await cluster.client.create(web())
    await cluster.ready("web", namespace)
    eviction = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": namespace},
    }  # fmt: skip

    await cluster.client.request("POST", f"/api/v1/namespaces/{namespace}/pods/web/eviction", body=eviction)

    await cluster.gone(POD, "web", namespace)


async def test_nothing_of_a_deleted_pod_is_left_in_the_state_folder(cluster, namespace, web):
    await cluster.client.create(web())
    await cluster.ready("web", namespace)

    await cluster.client.delete(POD, "web", namespace=namespace)
    await cluster.gone(POD, "web", namespace)

    async def is_removed():
        return not list((cluster.state / "pods").glob(f"{namespace}_*"))

    await wait_until(is_removed, what="be removed")


async def test_a_container_that_fails_its_liveness_probe_is_restarted(cluster, namespace, web):
    switch = cluster.state / f"{namespace}-unhealthy"
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 30}
    await cluster.client.create(
        web(
            f"--unhealthy-if={switch}",
            # Once restarted it is left alone until the switch is gone.
            startupProbe={**probe, "failureThreshold": 120},
            livenessProbe={**probe, "failureThreshold": 1},
            spec={"terminationGracePeriodSeconds": 60},
        )
    )
    await cluster.ready("web", namespace)

    switch.touch()
    status = await cluster.container(
        "web", namespace, lambda one: one.get("restartCount", 0) >= 1, what="restarted"
    )
    switch.unlink()

    assert status["lastState"]["terminated"]["exitCode"] == 0
    await cluster.ready("web", namespace)


async def test_a_container_that_fails_its_readiness_probe_is_not_ready_but_runs_on(cluster, namespace, web):
    switch = cluster.state / f"{namespace}-unready"
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1}
    await cluster.client.create(web(f"--unhealthy-if={switch}", readinessProbe=probe))
    await cluster.ready("web", namespace)

    switch.touch()
    status = await cluster.container("web", namespace, lambda one: not one["ready"], what="not ready")
    switch.unlink()

    assert status["restartCount"] == 0
    assert "running" in status["state"]
    await cluster.ready("web", namespace)


async def test_other_probes_wait_for_the_startup_probe(cluster, namespace, shell):
    gate = cluster.state / f"{namespace}-started"
    probe = {"exec": {"command": ["test", "-e", str(gate)]}, "periodSeconds": 1, "failureThreshold": 60}
    await cluster.client.create(shell("exec sleep 60", startupProbe=probe))
    before = await cluster.container(
        "job", namespace, lambda one: "running" in one.get("state", {}), what="running"
    )

    gate.touch()
    await cluster.ready("job", namespace)

    assert (before["started"], before["ready"]) == (False, False)


async def test_events_tell_what_happened_once_each(cluster, namespace, shell):
    await cluster.client.create(shell("exit 1", restart="Always"))
    await cluster.container("job", namespace, lambda one: one.get("restartCount", 0) >= 2, what="restarted")

    async def reasons():
        found = await cluster.kubectl(
            "get", "events", "-n", namespace, "-o", r"jsonpath={range .items[*]}{.reason} {.count}{'\n'}{end}"
        )
        return dict(line.split(" ") for line in found.stdout.splitlines() if " " in line)

    async def are_counted():
        found = await reasons()
        return {"Pulled", "Created", "Started", "BackOff"} <= found.keys() and int(found["Started"]) >= 2

    await wait_until(are_counted, what="be counted")


async def test_many_pods_come_and_go_at_once(cluster, namespace, shell):
    names = [f"job-{number}" for number in range(12)]
    await asyncio.gather(*(cluster.client.create(shell("true", name=name)) for name in names))

    pods = await asyncio.gather(
        *(cluster.until(POD, name, namespace, has_succeeded, what="over") for name in names)
    )

    assert len({pod["status"]["podIP"] for pod in pods}) == 12
