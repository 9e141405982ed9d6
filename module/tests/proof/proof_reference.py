"""What an undisturbed manager does: what every other run is held against."""

from dataclasses import dataclass, field

from proof_phases import PHASES, REMOVAL, SWITCH
from proof_rig import is_work
from proof_state import resting_state_of, until_no_volume

from kyma_harness.faults.plan import Counting


@dataclass(slots=True, kw_only=True)
class Reference:
    """By the name of the phase: the state it ends in, and how many calls it takes."""

    states: dict[str, str] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    statuses: int = 0
    """Those of the writes that are of a status."""


async def undisturbed(rig):
    """Take a manager through all phases with nothing in its way."""
    reference = Reference()
    mark = len(rig.proxy.record)
    for phase in PHASES:
        plan = Counting(selects=is_work)
        await rig.take(phase, plan)
        if phase in {SWITCH, REMOVAL}:
            await until_no_volume(rig.client)
        reference.states[phase.name] = await resting_state_of(rig.client)
        reference.calls[phase.name] = plan.seen
    reference.writes = rig.proxy.record.count(
        lambda call: call.is_write and is_work(call), since=mark
    ).total()
    reference.statuses = rig.proxy.record.count(is_status, since=mark).total()
    return reference


def is_status(call):
    """Tell whether a call writes the status of an Eventing."""
    return call.is_write and (call.resource, call.subresource) == ("eventings", "status")
