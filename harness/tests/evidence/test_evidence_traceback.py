"""A failure's traceback is that of the test: how an error of a wait came to it says nothing."""

import pytest
from stored import StoredCluster

from kubeloop.kinds import CONFIG_MAP
from kyma_harness.host.blocking import Portal
from kyma_harness.pytest.evidence import hide_ours
from kyma_harness.wait.claims import exists
from kyma_harness.wait.target import Target
from kyma_harness.wait.waits import WaitError, wait_for


async def wait_in_vain():
    shelf = Target(kind=CONFIG_MAP, name="shelf", namespace="shop")
    await wait_for(StoredCluster(), shelf, exists(), what="exist", within=0.1)


def as_a_test_does():
    with Portal() as portal:
        portal.call(wait_in_vain())


def functions(call):
    return [entry.frame.code.name for entry in call.excinfo.traceback]


def test_frames_of_ours_are_left_out_of_the_traceback_of_a_wait():
    call = pytest.CallInfo.from_call(as_a_test_does, when="call")
    assert "wait_for" in functions(call)

    hide_ours(call)

    assert functions(call)[-2:] == ["as_a_test_does", "wait_in_vain"]
    assert "wait_for" not in functions(call)
    assert call.excinfo.errisinstance(WaitError)


def test_the_traceback_of_any_other_error_stays_as_it_is():
    def fails():
        with Portal() as portal:
            portal.call(breaks())

    async def breaks():
        raise KeyError("lamp")

    call = pytest.CallInfo.from_call(fails, when="call")
    before = functions(call)

    hide_ours(call)

    assert functions(call) == before
    assert "result" in before


def test_where_none_but_frames_of_ours_are_left_all_stay():
    with Portal() as portal:
        waiting = wait_for(
            StoredCluster(), Target(kind=CONFIG_MAP, name="shelf"), exists(), what="exist", within=0.1
        )
        call = pytest.CallInfo.from_call(lambda: portal.call(waiting), when="call")
    call.excinfo = pytest.ExceptionInfo.from_exc_info(
        (type(call.excinfo.value), call.excinfo.value, call.excinfo.tb.tb_next.tb_next)
    )
    before = functions(call)

    hide_ours(call)

    assert functions(call) == before
