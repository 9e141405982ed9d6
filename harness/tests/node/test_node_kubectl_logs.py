import asyncio
import re

import pytest
from eventually import PATIENCE


async def over(cluster, namespace):
    await cluster.container(
        "job", namespace, lambda one: "terminated" in one.get("state", {}), what="terminated"
    )


async def logs(cluster, namespace, *options, check=True):
    return await cluster.kubectl("logs", "job", "-n", namespace, *options, check=check)


async def test_logs_of_a_pod_that_is_over(cluster, namespace, shell):
    await cluster.client.create(shell("echo one; echo two >&2; echo three"))
    await over(cluster, namespace)

    found = await logs(cluster, namespace)

    assert found.stdout == "one\ntwo\nthree\n"


async def test_the_tail_and_the_times_of_logs(cluster, namespace, shell):
    await cluster.client.create(shell("echo one; echo two; echo three"))
    await over(cluster, namespace)

    tail = await logs(cluster, namespace, "--tail=1")
    stamped = await logs(cluster, namespace, "--timestamps", "--tail=1")
    recent = await logs(cluster, namespace, "--since=1h")
    limited = await logs(cluster, namespace, "--limit-bytes=5")

    assert tail.stdout == "three\n"
    assert re.fullmatch(r"\S+Z three\n", stamped.stdout)
    assert recent.stdout == "one\ntwo\nthree\n"
    assert limited.stdout == "one\nt"


async def test_following_ends_with_the_container(cluster, namespace, shell):
    gate = cluster.state / f"{namespace}-go"
    await cluster.client.create(
        shell(f"echo before; while ! test -e {gate}; do sleep 0.05; done; echo after")
    )
    await cluster.ready("job", namespace)
    following = asyncio.create_task(logs(cluster, namespace, "-f"))

    gate.touch()
    found = await asyncio.wait_for(following, PATIENCE)

    assert found.stdout == "before\nafter\n"


async def test_the_logs_of_the_start_before(cluster, namespace, shell):
    count = cluster.state / f"{namespace}-count"
    script = f"echo x >> {count}; echo start $(wc -l < {count}); test $(wc -l < {count}) -ge 2"
    await cluster.client.create(shell(script, restart="OnFailure"))
    await cluster.container(
        "job", namespace,
        lambda one: one.get("restartCount") == 1 and "terminated" in one["state"], what="restarted",
    )  # fmt: skip

    previous, current = await logs(cluster, namespace, "--previous"), await logs(cluster, namespace)

    assert previous.stdout == "start 1\n"
    assert current.stdout == "start 2\n"


async def test_there_is_no_start_before_the_first(cluster, namespace, shell):
    await cluster.client.create(shell("true"))
    await over(cluster, namespace)

    refused = await logs(cluster, namespace, "--previous", check=False)

    assert refused.returncode != 0
    assert 'previous terminated container "main" in pod "job" not found' in refused.stderr


async def test_a_container_that_waits_has_no_logs_yet(cluster, namespace, shell):
    await cluster.client.create(shell("true", image="unknown:1"))
    await cluster.container(
        "job", namespace, lambda one: "message" in one.get("state", {}).get("waiting", {}),
        what="waiting",
    )  # fmt: skip

    refused = await logs(cluster, namespace, check=False)

    assert "is waiting to start: ErrImagePull" in refused.stderr


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        (("exec", "web", "--", "ls"), "the containerID in the pod's status has the pid"),
        (("attach", "web"), "use kubectl logs -f"),
        (("port-forward", "web", "0:8080"), "node.kyma-harness.io/addresses"),
    ],
)
async def test_what_a_process_node_cannot_do_says_what_to_do_instead(
    cluster, namespace, web, command, instead
):
    await cluster.client.create(web())
    await cluster.ready("web", namespace)
    name, *rest = command

    refused = await cluster.kubectl(name, "-n", namespace, *rest, check=False)

    assert refused.returncode != 0
    assert instead in refused.stderr
