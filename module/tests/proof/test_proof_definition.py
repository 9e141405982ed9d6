"""The definition of Eventings goes with everything in it, and comes back."""

import pytest
import yaml
from proof_cluster import CHART
from proof_phases import PROVISION, TARGET
from proof_state import until_state_is

from kubeloop.kinds import CRD
from kyma_harness.faults.plan import Calm
from kyma_harness.wait.claims import has_condition, is_gone
from kyma_harness.wait.waits import Target, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.timeout(1200)
async def test_a_definition_deleted_under_the_manager_takes_nats_along_and_may_come_back(reference, rig):
    crd = yaml.safe_load((CHART / "crds/eventings.yaml").read_text())
    definition = Target(kind=CRD, name=crd["metadata"]["name"])
    await rig.take(PROVISION, Calm())

    await rig.client.delete(CRD, definition.name)
    await wait_for(rig.client, TARGET, is_gone(), what="be gone", within=180)
    await wait_for(rig.client, definition, is_gone(), what="be gone", within=180)
    await rig.client.create(crd)
    await wait_for(rig.client, definition, has_condition("Established"), what="be established")

    await until_state_is(rig.client, reference.states["removal"])
    await rig.take(PROVISION, Calm())
    await until_state_is(rig.client, reference.states["provision"])
    assert rig.manager.starts == 1
