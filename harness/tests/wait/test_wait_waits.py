"""Waits in a real cluster: what they bear with, what they end for, and what they see."""

import asyncio
import contextlib
import re
from datetime import datetime

import pytest
from demo.demo_objects import a_lamp, a_pod, lamp_definition, workload
from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import AlreadyExistsError, KindAbsentError, NotFoundError
from kubeloop.kinds import CONFIG_MAP, CRD, DEPLOYMENT, EVENT, JOB, NAMESPACE, POD, SERVICE_ACCOUNT
from kubeloop.resource import Kind
from kyma_harness.kube.logs import logs_of
from kyma_harness.kube.schema import schema_of, violations
from kyma_harness.pytest.handles.api import Api
from kyma_harness.pytest.handles.history import Timeline
from kyma_harness.wait.claims import exists, has_condition, has_state, is_ready, satisfies
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.phase import phase_of
from kyma_harness.wait.relations import Relations
from kyma_harness.wait.target import Target
from kyma_harness.wait.waits import WaitError, wait_for

pytestmark = pytest.mark.timeout(240)
# The demonstration needs a cluster without its own definition of a lamp.
GROUP = "waits.kyma-harness.io"
LAMP = Kind.parse(f"{GROUP}/v1", "Lamp")


class Lines:
    """The live line, kept."""

    def __init__(self):
        self.said = []
        self.cleared = 0

    def say(self, text):
        self.said.append(text)

    def clear(self):
        self.cleared += 1


@pytest.fixture
def line():
    return Lines()


@pytest.fixture
async def client(looked_at):
    async with Client.from_kubeconfig(looked_at.kubeconfig) as opened:
        yield opened


@pytest.fixture
async def watching(client, line):
    watching = Observer.over(client, line=line)
    await watching.start()
    yield watching
    await watching.stop()


@pytest.fixture
async def namespace(client):
    named = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "waits-"}}
    name = (await client.create(named))["metadata"]["name"]
    account = Target(kind=SERVICE_ACCOUNT, name="default", namespace=name)
    await wait_for(client, account, exists(), what="exist")
    yield name
    await client.delete(NAMESPACE, name)


@pytest.fixture
async def lamps(client):
    with contextlib.suppress(AlreadyExistsError):
        await client.create(lamp_definition(GROUP))
    target = Target(kind=CRD, name=f"lamps.{GROUP}")
    await wait_for(client, target, is_ready(), what="be ready")


@pytest.mark.usefixtures("lamps")
async def test_a_state_that_passes_is_borne_with(watching, client, namespace):
    kitchen = Target(kind=LAMP, name="kitchen", namespace=namespace)
    patience = Patience(state=120)
    waiting = asyncio.create_task(
        watching.wait_for(kitchen, has_state("Ready"), what="be Ready", within=120, patience=patience)
    )
    await eventually_created(client, a_lamp("kitchen", namespace, group=GROUP))
    await set_state(client, namespace, "Error")
    await watching.view.until(lambda: state_in(watching, kitchen) == "Error", within=60)

    await set_state(client, namespace, "Ready")

    assert (await waiting)["status"]["state"] == "Ready"


@pytest.mark.usefixtures("lamps")
async def test_a_state_that_lasts_ends_the_wait_with_its_cause_first(watching, client, namespace):
    kitchen = Target(kind=LAMP, name="kitchen", namespace=namespace)
    await eventually_created(client, a_lamp("kitchen", namespace, group=GROUP))
    await set_state(client, namespace, "Error")

    with pytest.raises(WaitError) as raised:
        await watching.wait_for(
            kitchen, has_state("Ready"), what="be Ready", within=60, patience=Patience(state=0.2)
        )

    assert str(raised.value).startswith(
        f"{kitchen}: its state is Error\n  so {kitchen} did not come to be Ready"
    )
    assert raised.value.last["status"]["state"] == "Error"


@pytest.mark.usefixtures("lamps")
async def test_a_parts_trouble_ends_the_wait_for_the_whole(client, namespace):
    relations = Relations(parts=lambda obj: [web] if obj["kind"] == "Lamp" else [])
    web = Target(kind=DEPLOYMENT, name="web", namespace=namespace)
    watching = Observer.over(client, relations=relations, patience=Patience(image=0.2))
    await watching.start()
    await eventually_created(client, a_lamp("kitchen", namespace, group=GROUP))
    await client.create(workload("web", namespace, image="nobody/nothing:1"))
    kitchen = Target(kind=LAMP, name="kitchen", namespace=namespace)

    try:
        with pytest.raises(WaitError, match=rf"^Pod {namespace}/web-\S+, container main: its image"):
            await watching.wait_for(kitchen, has_state("Ready"), what="be Ready", within=60)
    finally:
        await watching.stop()


async def test_a_pod_that_has_ended_ends_the_wait_for_it(watching, client, namespace):
    await client.create(a_failing_pod("task", namespace))
    task = Target(kind=POD, name="task", namespace=namespace)
    await wait_for(
        client, task, satisfies(lambda pod: phase_of(pod).word == "Failed", "is not over"), what="end"
    )

    with pytest.raises(WaitError) as raised:
        await watching.wait_for(task, is_ready(), what="be ready", within=120)

    assert str(raised.value).startswith(
        f"{task}: it has ended (Failed): container main ended with exit code 3\n"
    )
    assert not raised.value.timed_out


@pytest.mark.parametrize("claim", [is_ready(), has_condition("Complete")], ids=["ready", "Complete"])
async def test_a_job_that_has_failed_ends_the_wait_for_it(watching, client, namespace, claim):
    pod = a_failing_pod("task", namespace)
    spec = {"backoffLimit": 0, "template": {"spec": pod["spec"]}}
    await client.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": pod["metadata"], "spec": spec})
    task = Target(kind=JOB, name="task", namespace=namespace)

    with pytest.raises(WaitError, match=rf"^{task}: it has failed: BackoffLimitExceeded: ") as raised:
        await watching.wait_for(task, claim, what="be complete", within=120)

    assert not raised.value.timed_out


async def test_the_live_line_says_what_is_awaited_and_is_gone_afterwards(watching, line, namespace):
    shelf = Target(kind=CONFIG_MAP, name="shelf", namespace=namespace)

    with pytest.raises(WaitError):
        await watching.wait_for(shelf, exists(), what="exist", within=10)

    assert line.said[-1].startswith(f"ConfigMap {namespace}/shelf: it does not exist, ")
    assert line.said[-1].endswith(" s of 10")
    assert line.cleared == 1


async def test_a_failed_wait_tells_events_and_the_log_of_the_pods(watching, client, namespace):
    await client.create(a_pod("talker", namespace, command="echo still thinking; sleep 600"))
    talker = Target(kind=POD, name="talker", namespace=namespace)
    pod = await wait_for(client, talker, is_ready(), what="be ready")
    async with asyncio.timeout(60):
        while "still thinking" not in await text_of(client, pod):  # noqa: ASYNC110 - a log has no watch
            await asyncio.sleep(0.1)
    # The scheduler tells of its decision when it finds the time, often after the container has started.
    await watching.view.until(lambda: "Scheduled" in reasons_of_events(watching, talker), within=60)

    with pytest.raises(WaitError) as raised:
        await watching.wait_for(talker, lambda _: "it never is", what="be content", within=10)

    # In any line: the scheduler may tell of its decision after others have told of theirs.
    assert re.search(r"\n  events:\n(    .*\n)*    .* Scheduled: ", str(raised.value))
    assert "still thinking" in str(raised.value)


async def test_a_log_begins_with_the_window_that_is_asked_for(client, namespace):
    await client.create(a_pod("web", namespace, command="while true; do echo said; sleep 0.1; done"))
    target = Target(kind=POD, name="web", namespace=namespace)
    pod = await wait_for(client, target, is_ready(), what="be ready")

    async def lines(since=None):
        (log,) = await logs_of(client, [pod], since=since)
        return log.text.splitlines()

    retrying = AsyncRetrying(
        retry=retry_if_result(lambda seen: len(seen) < 3), stop=stop_after_delay(60), wait=wait_fixed(0.1)
    )
    first, _, third, *_ = await retrying(lines)

    sliced = await lines(datetime.fromisoformat(third.split()[0]))

    assert first < third
    assert sliced[0] == third


async def test_a_kind_that_comes_later_is_seen(watching, client, namespace):
    later = Kind.parse(f"later.{GROUP}/v1", "Lamp")
    kitchen = Target(kind=later, name="kitchen", namespace=namespace)
    await watching.view.follow(later)

    with contextlib.suppress(AlreadyExistsError):  # a run before this one has left it
        await client.create(lamp_definition(later.group))
    await eventually_created(client, a_lamp("kitchen", namespace, group=later.group))

    assert await watching.view.until(lambda: watching.view.find(kitchen) is not None, within=60)


@pytest.mark.usefixtures("lamps")
async def test_a_resource_is_held_against_the_schema_of_its_definition(client):
    schema = await schema_of(client, LAMP)

    assert violations({**a_lamp("kitchen", "x", group=GROUP), "status": {"state": 7}}, schema) == [
        "status.state: 7 is not of type 'string'"
    ]


def test_a_timeline_is_complete_when_it_is_asked_for(looked_at, portal):
    client = Client.from_kubeconfig(looked_at.kubeconfig)
    portal.call(client.__aenter__())
    watching = Observer.over(client)
    portal.call(watching.start(CONFIG_MAP))
    api, timeline = Api(portal, client, watching), Timeline(portal=portal, observer=watching, since=0)
    try:
        api.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "brief", "namespace": "default"}}
        )
        removal = timeline.mark("the removal")
        api.delete(CONFIG_MAP, "brief", "default")

        track = timeline.of(CONFIG_MAP, "brief", "default")

        assert track.words == ["Present", "gone"]
        track.assert_gone_within(60, after=removal)
        assert [one.name for one in watching.steps.steps] == [
            "create ConfigMap default/brief", "the removal", "delete ConfigMap default/brief",
        ]  # fmt: skip
    finally:
        portal.call(watching.stop())
        portal.call(client.__aexit__(None, None, None))


def a_failing_pod(name, namespace):
    pod = a_pod(name, namespace, command="exit 3")
    return {**pod, "spec": {**pod["spec"], "restartPolicy": "Never"}}


async def text_of(client, pod):
    return "".join(log.text for log in await logs_of(client, [pod], since=None))


def state_in(watching, target):
    return ((watching.view.find(target) or {}).get("status") or {}).get("state")


def reasons_of_events(watching, target):
    events = (one for one in watching.view.all(EVENT) if one["involvedObject"]["name"] == target.name)
    return {one["reason"] for one in events}


async def set_state(client, namespace, state):
    await client.merge_patch(
        LAMP, "kitchen", {"status": {"state": state}}, namespace=namespace, subresource="status"
    )


async def eventually_created(client, obj):
    """Create an object of a kind that has just come."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await client.create(obj)
            except (KindAbsentError, NotFoundError):
                client.forget_discovery()
