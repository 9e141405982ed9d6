"""A manager that has nothing to do asks for nothing: it is told."""

import asyncio

import pytest
from proof_phases import PROVISION
from proof_rig import is_work

from kyma_harness.faults.plan import Calm, every_call

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(20, id="for 20 s"),
        pytest.param(300, id="for 5 minutes", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
async def test_a_ready_eventing_costs_nothing_but_watches_and_the_lease(rig, say, seconds):
    await rig.take(PROVISION, Calm())
    await rig.until_quiet(5)
    record = rig.proxy.record
    mark = len(record)

    # Time itself is what is tested here: nothing happens in it.
    await asyncio.sleep(seconds)

    say(f"calls in {seconds} s", dict(record.count(every_call, since=mark)))
    assert record.count(is_work, since=mark) == {}
    writes = record.count(lambda call: call.is_write, since=mark)
    assert list(writes) == ["update leases.coordination.k8s.io kyma-system/eventing-manager.kyma-project.io"]
