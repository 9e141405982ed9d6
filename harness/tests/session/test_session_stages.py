"""The main job is stages as data: who walks them takes some or all, in their order, and is told by a sink."""

from types import SimpleNamespace

import pytest

from kyma_harness.session import stages
from kyma_harness.session.lifetime import Start
from kyma_harness.session.options import Stage, from_environment
from kyma_harness.session.progress import Noted
from kyma_harness.session.record import Record, RecordFile
from kyma_harness.session.stages import STAGES, walk
from kyma_harness.wait.steps import Step, StepLog

OF_NOW = {"harness": "1"}


@pytest.fixture
def testbed(tmp_path):
    """What the walk itself needs of a testbed: the stages that need more are not those of the test."""
    settings = from_environment({}, state=tmp_path, cache=tmp_path)
    record = RecordFile(settings)
    record.write(Record.of(settings, provider="embedded", kyma="builtin", fingerprint=OF_NOW))
    return SimpleNamespace(settings=settings, record=record, fingerprint=OF_NOW)


@pytest.fixture
def taken(monkeypatch):
    """Let each stage note that it was taken, and the first say what is in the cluster already."""
    seen, start = [], {"found": False}

    def run_of(stage):
        async def run(testbed, sink):
            seen.append(stage)
            return Start(**start) if stage is Stage.CLUSTER else None

        return run

    monkeypatch.setattr(stages, "STAGES", tuple((stage, run_of(stage)) for stage in Stage))
    return SimpleNamespace(seen=seen, start=start)


def test_every_stage_that_one_may_ask_for_is_in_the_job_in_this_order():
    assert [stage for stage, _ in STAGES] == list(Stage)


@pytest.mark.parametrize(
    ("first", "last", "walked"),
    [
        (Stage.CLUSTER, Stage.CLUSTER, [Stage.CLUSTER]),
        (Stage.MANAGERS, Stage.KYMA, [Stage.MANAGERS, Stage.KYMA]),
        (Stage.CLUSTER, Stage.VERIFY, list(Stage)),
    ],
)
async def test_all_from_one_to_another_are_taken_and_no_other(testbed, taken, first, last, walked):
    await walk(testbed, Noted(StepLog()), first=first, last=last)

    assert taken.seen == walked


async def test_what_is_noted_as_deployed_is_deployed_anew_only_for_those_who_want_it(testbed, taken):
    taken.start |= {"found": True, "is_deployed": True}

    await walk(testbed, Noted(StepLog()), last=Stage.ENABLE, anew=False)

    assert taken.seen == [Stage.CLUSTER, Stage.ENABLE]


async def test_what_is_noted_as_deployed_of_other_parts_is_deployed_again(testbed, taken):
    taken.start |= {"found": True, "is_deployed": False}

    await walk(testbed, Noted(StepLog()), last=Stage.RIGHTS, anew=False)

    assert taken.seen == Stage.between(Stage.CLUSTER, Stage.RIGHTS)


@pytest.mark.parametrize(
    ("first", "last", "noted"),
    [
        (Stage.CLUSTER, Stage.KYMA, None),
        (Stage.CLUSTER, Stage.RIGHTS, OF_NOW),
        (Stage.CLUSTER, Stage.VERIFY, OF_NOW),
        (Stage.BUNDLE, Stage.VERIFY, None),
    ],
)
async def test_a_cluster_counts_as_deployed_when_nothing_that_tests_need_is_missing(
    testbed, taken, first, last, noted
):
    await walk(testbed, Noted(StepLog()), first=first, last=last)

    assert testbed.record.now().deployed == noted


def test_a_report_has_the_parts_of_a_step_once_they_have_ended():
    steps = StepLog()
    etcd, node = Step(name="etcd"), Step(name="node")

    with Noted(steps).step("cluster"):
        for part in (etcd, etcd.over(), node, node.over(ok=False), Step(name="cluster").over()):
            Noted(steps).part(part)

    assert [(step.name, step.ok, step.is_part) for step in steps.steps] == [
        ("cluster", True, False),
        ("start of etcd", True, True),
        ("start of node", False, True),
    ]
