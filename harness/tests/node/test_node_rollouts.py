"""Nothing is ready earlier than kubectl says, nor later: the same objects of a real API server, by both.

At rest, in a control plane without controllers, an object has just the status that a test has given it. Live,
whoever is first is held against what the other says of the object as it is then: no clock has a say.
"""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from eventually import PATIENCE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from node_cluster import running_plane

from kubeloop.client import Client
from kubeloop.kinds import DAEMON_SET, DEPLOYMENT, POD, POD_DISRUPTION_BUDGET, STATEFUL_SET
from kubeloop.resource import generation_of
from kyma_harness.host import process
from kyma_harness.host.blocking import Portal
from kyma_harness.host.loopback import LoopbackNetworks
from kyma_harness.host.paths import cache_dir
from kyma_harness.host.ports import PortPool
from kyma_harness.toolchain.tools import ensure, explicit_tools
from kyma_harness.wait.claims import has_condition, is_ready
from kyma_harness.wait.target import Target
from kyma_harness.wait.waits import wait_for

DONE = ("successfully rolled out", "roll out complete", "rolling update complete")
NAMESPACE = "default"
LOOKING = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl, asked once about an object as it is."""

    program: Path
    kubeconfig: Path

    async def run(self, *arguments):
        argv = [self.program, "--kubeconfig", self.kubeconfig, *arguments]
        return await process.run(argv, timeout=PATIENCE, check=False)

    async def says_rolled_out(self, kind, name, namespace=NAMESPACE):
        answer = await self.run(
            "rollout", "status", f"{kind.kind.lower()}/{name}", "-n", namespace, "--watch=false"
        )
        return any(words in answer.stdout for words in DONE)

    async def says_condition(self, kind, name, type_, status, namespace=NAMESPACE):
        wanted = f"--for=condition={type_}={status}"
        answer = await self.run(
            "wait", wanted, f"{kind.kind.lower()}/{name}", "-n", namespace, "--timeout=0s"
        )
        return answer.returncode == 0


class AtRest:
    """An API server without controllers, and kubectl."""

    def __init__(self, portal, client, kubectl):
        self._portal, self._client, self._kubectl = portal, client, kubectl

    def rolled_out(self, kind, name, spec, status):
        """Give an object a spec and a status; return it, and whether kubectl takes it for rolled out."""
        return self._portal.call(self._judged(kind, name, spec, status, self._kubectl.says_rolled_out))

    def has_condition(self, kind, name, spec, status, wanted):
        """Give an object a spec and a status; return it, and whether kubectl finds a condition met."""

        async def ask(kind, name):
            return await self._kubectl.says_condition(kind, name, *wanted)

        return self._portal.call(self._judged(kind, name, spec, status, ask))

    def create(self, obj):
        return self._portal.call(self._client.create(obj))

    async def _judged(self, kind, name, spec, status, ask):
        changed = await self._client.merge_patch(kind, name, {"spec": spec}, namespace=NAMESPACE)
        behind = status.pop("behind")
        status["observedGeneration"] = max(0, generation_of(changed) - behind)
        for condition in status.get("conditions", ()):
            if (later := condition.pop("behind", None)) is not None:
                condition["observedGeneration"] = max(0, generation_of(changed) - later)
        found = await self._client.merge_patch(
            kind, name, {"status": status}, namespace=NAMESPACE, subresource="status"
        )
        return found, await ask(kind, name)


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory):
    with Portal() as portal, PortPool() as ports, LoopbackNetworks() as networks:
        tools = portal.call(ensure(explicit=explicit_tools(os.environ), cache=cache_dir()))
        stack = AsyncExitStack()
        running = running_plane(tmp_path_factory.mktemp("at-rest"), tools.folder, ports, networks)
        plane, _ = portal.call(stack.enter_async_context(running))
        client = portal.call(stack.enter_async_context(Client.from_kubeconfig(plane.layout.kubeconfig)))
        resting = AtRest(portal, client, Kubectl(tools.folder / "kubectl", plane.layout.kubeconfig))
        for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET):
            resting.create(workload(kind, "resting", NAMESPACE))
        resting.create(budget())
        yield resting
        portal.call(stack.aclose())


def workload(kind, name, namespace, *, image="test/web:1", **spec):
    labels = {"app": name}
    container = {"name": "main", "image": image}
    return {
        "apiVersion": kind.api_version, "kind": kind.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **({"serviceName": name} if kind == STATEFUL_SET else {}), **spec,
        },
    }  # fmt: skip


def budget():
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "resting", "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": {"app": "resting"}}, "minAvailable": 1},
    }  # fmt: skip


few = st.integers(0, 3)
behind = st.sampled_from([0, 0, 0, 1, 100])


@st.composite
def replicas(draw, *counts):
    """The status of a workload that the API server accepts: a part of the replicas is ready, and so on."""
    there = draw(few)
    ready = draw(st.integers(0, there))
    status = {"replicas": there, "readyReplicas": ready, "availableReplicas": draw(st.integers(0, ready))}
    status |= {count: draw(st.integers(0, there)) for count in counts}
    return {"behind": draw(behind), **status}


@given(wanted=few, status=replicas("updatedReplicas"))
@LOOKING
def test_a_deployment_at_rest_is_judged_as_kubectl_does(at_rest, wanted, status):
    found, rolled_out = at_rest.rolled_out(DEPLOYMENT, "resting", {"replicas": wanted}, status)

    assert (is_ready()(found) == "") is rolled_out


@given(wanted=few, partition=few, status=replicas("updatedReplicas", "currentReplicas"))
@LOOKING
def test_a_stateful_set_at_rest_is_judged_as_kubectl_does(at_rest, wanted, partition, status):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    spec = {"replicas": wanted, "updateStrategy": strategy}

    found, rolled_out = at_rest.rolled_out(STATEFUL_SET, "resting", spec, status)

    # kubectl does not mind pods that a smaller set has not got rid of yet; kstatus does.
    has_left_over = status["replicas"] > wanted
    assert (is_ready()(found) == "") is (rolled_out and not has_left_over)


@st.composite
def daemons(draw):
    """The status of a DaemonSet: what is up to date or available has been scheduled."""
    updated, available = draw(few), draw(few)
    return {
        "desiredNumberScheduled": draw(few), "currentNumberScheduled": max(draw(few), available, updated),
        "numberMisscheduled": 0, "numberReady": available, "numberAvailable": available,
        "updatedNumberScheduled": updated, "behind": draw(behind),
    }  # fmt: skip


@given(status=daemons(), seconds=st.integers(1, 9))
@LOOKING
def test_a_daemon_set_at_rest_is_judged_as_kubectl_does(at_rest, status, seconds):
    found, rolled_out = at_rest.rolled_out(DAEMON_SET, "resting", {"minReadySeconds": seconds}, status)

    assert (is_ready()(found) == "") is rolled_out


@st.composite
def conditions(draw):
    """The status of a budget with one condition, which may say of which generation it speaks."""
    condition = {
        "type": draw(st.sampled_from(["Ready", "Lit"])),
        "status": draw(st.sampled_from(["True", "False", "Unknown"])),
        "behind": draw(st.sampled_from([None, 0, 1])),
        "reason": "Tested", "message": "", "lastTransitionTime": "2022-12-05T19:53:13Z",
    }  # fmt: skip
    counts = dict.fromkeys(("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"), 0)
    return {**counts, "conditions": [condition], "behind": draw(behind)}


@given(status=conditions(), wanted=st.sampled_from(["True", "False"]), budget=few)
@LOOKING
def test_a_condition_at_rest_is_judged_as_kubectl_does(at_rest, status, wanted, budget):
    spec = {"minAvailable": budget}

    found, met = at_rest.has_condition(POD_DISRUPTION_BUDGET, "resting", spec, status, ("Ready", wanted))

    assert (has_condition("Ready", wanted)(found) == "") is met


@pytest.fixture
def kubectl(cluster):
    return Kubectl(cluster.tools / "kubectl", cluster.kubeconfig)


async def agreed(cluster, kubectl, kind, name, namespace):
    """Wait beside kubectl, and hold whoever is first against the other."""
    target = Target(kind=kind, name=name, namespace=namespace)
    ours = asyncio.create_task(wait_for(cluster.client, target, is_ready(), what="be ready", within=PATIENCE))
    theirs = asyncio.create_task(
        kubectl.run("rollout", "status", f"{kind.kind.lower()}/{name}", "-n", namespace, "--timeout=120s")
    )
    await asyncio.wait({ours, theirs}, return_when=asyncio.FIRST_COMPLETED)
    if ours.done():
        ours.result()
        assert await kubectl.says_rolled_out(kind, name, namespace), "ready earlier than kubectl says"
    else:
        now = await cluster.client.get(kind, name, namespace)
        assert is_ready()(now) == "", "not ready though kubectl says so"
    await asyncio.gather(ours, theirs)


async def test_a_deployment_is_followed_as_kubectl_does(cluster, namespace, kubectl, web):
    template = web()["spec"]
    await cluster.client.create(workload(DEPLOYMENT, "web", namespace, replicas=2))
    changes = [
        {"template": {"spec": template}},
        {"replicas": 3},
        {"replicas": 1},
        {"template": {"metadata": {"annotations": {"restarted": "now"}}}},
        {"minReadySeconds": 1, "template": {"metadata": {"annotations": {"restarted": "again"}}}},
        {
            "strategy": {"type": "Recreate", "rollingUpdate": None},
            "template": {"metadata": {"labels": {"v": "2"}}},
        },
        {"replicas": 0},
    ]
    for change in changes:
        await cluster.client.merge_patch(DEPLOYMENT, "web", {"spec": change}, namespace=namespace)
        await agreed(cluster, kubectl, DEPLOYMENT, "web", namespace)


async def test_a_roll_out_of_an_image_that_nobody_has_is_at_no_time_ready(cluster, namespace, kubectl, web):
    template = {"template": {"spec": web()["spec"]}}
    await cluster.client.create(workload(DEPLOYMENT, "web", namespace))
    await cluster.client.merge_patch(DEPLOYMENT, "web", {"spec": template}, namespace=namespace)
    await agreed(cluster, kubectl, DEPLOYMENT, "web", namespace)
    target = Target(kind=DEPLOYMENT, name="web", namespace=namespace)

    await kubectl.run("set", "image", "deployment/web", "main=nobody/has:1", "-n", namespace)
    ready = asyncio.create_task(
        wait_for(cluster.client, target, is_ready(), what="be ready", within=PATIENCE)
    )
    await cluster.until(
        DEPLOYMENT, "web", namespace,
        lambda one: one["status"].get("unavailableReplicas") and one["status"].get("updatedReplicas"),
        what="waiting for the image",
    )  # fmt: skip
    await waiting_for_an_image(cluster, namespace)

    assert not ready.done()
    assert not await kubectl.says_rolled_out(DEPLOYMENT, "web", namespace)
    ready.cancel()


async def waiting_for_an_image(cluster, namespace):
    async with asyncio.timeout(PATIENCE):
        while True:
            pods = (await cluster.client.list(POD, namespace=namespace)).items
            reasons = [
                one.get("state", {}).get("waiting", {}).get("reason")
                for pod in pods
                for one in pod.get("status", {}).get("containerStatuses", ())
            ]
            if "ErrImagePull" in reasons:
                return
            await asyncio.sleep(0.05)


async def test_a_stateful_set_is_followed_as_kubectl_does(cluster, namespace, kubectl, web):
    template = {"spec": web()["spec"]}
    await cluster.client.create(workload(STATEFUL_SET, "web", namespace, replicas=2))
    changes = [
        {"template": template},
        {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
        {"template": {"metadata": {"annotations": {"restarted": "now"}}}},
        {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
        {"replicas": 3},
    ]
    for change in changes:
        await cluster.client.merge_patch(STATEFUL_SET, "web", {"spec": change}, namespace=namespace)
        await agreed(cluster, kubectl, STATEFUL_SET, "web", namespace)


async def test_a_daemon_set_is_followed_as_kubectl_does(cluster, namespace, kubectl, web):
    template = {"spec": web()["spec"]}
    await cluster.client.create(workload(DAEMON_SET, "web", namespace))
    for change in ({"template": template}, {"template": {"metadata": {"annotations": {"restarted": "now"}}}}):
        await cluster.client.merge_patch(DAEMON_SET, "web", {"spec": change}, namespace=namespace)
        await agreed(cluster, kubectl, DAEMON_SET, "web", namespace)
