"""The plan says what is then done: it is held against the deed on whatever program led there."""

import random

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st
from stage_life import CR_NAMESPACE, an_eventing, play
from stage_program import BACKENDS, PROGRAMS, SETTINGS, World, calm, happen, many, receive_everything

from eventing_manager.plan import Action
from kubeloop.resource import ObjectKey, describe

NOT_PLANNED = ("metadata", "status")


def owned(life):
    """Return the objects of NATS by what a plan calls them."""
    found = {}
    for (plural, namespace, _), obj in life.server.objects.items():
        if namespace == "kyma-system" and plural not in {"events", "leases"}:
            found[describe(obj)] = obj
    return found


def difference(before, after):
    """Return what was created, changed and deleted; claims are made and changed by others."""
    made = {name for name in after.keys() - before.keys() if not name.startswith("PersistentVolumeClaim")}
    made |= {
        name
        for name in after.keys() & before.keys()
        if after[name]["metadata"]["uid"] != before[name]["metadata"]["uid"]
    }
    changed = {
        name
        for name in after.keys() & before.keys() - made
        if contents(after[name]) != contents(before[name])
    }
    return {"create": made, "change": changed, "delete": before.keys() - after.keys()}


def contents(obj):
    metadata = {name: obj["metadata"].get(name) for name in ("labels", "annotations")}
    return {**{name: value for name, value in obj.items() if name not in NOT_PLANNED}, "metadata": metadata}


def planned(lines):
    found = {"create": set(), "change": set(), "delete": set()}
    for line in lines:
        if line.action in found:
            found[str(line.action)].add(line.subject)
    found["change"] -= found["delete"]
    return found


async def held(life, program, backend, nats, forced, is_deletion):  # noqa: PLR0917 - drawn one by one
    """Plan, do it, and return what was otherwise."""
    world = World()
    async with life.played():
        for act in program:
            await happen(act, life, world)
        await calm(life)
        current = life.eventing()
        if current is not None and current["metadata"].get("deletionTimestamp"):
            return []
        planner, annotations = life.planner(), {}
        if forced:
            annotations = {"eventing-manager.kyma-project.io/force": "true"}
        if is_deletion:
            if current is None:
                return []
            plan = await planner.of_deletion(ObjectKey(CR_NAMESPACE, "eventing"))
        else:
            spec = {"backend": {"type": backend, "nats": nats}}
            plan = await planner.of_wanted(an_eventing("eventing", CR_NAMESPACE, spec, annotations))
        before = owned(life)
        if is_deletion:
            life.delete()
        else:
            patch_whole(life, backend, nats, annotations)
        await life.rest(400)
        lines = list(plan.lines)
        waits = [number for number, line in enumerate(lines) if line.action is Action.WAIT]
        now, then = (lines[: waits[0]], lines[waits[0] :]) if waits else (lines, [])
        after = owned(life)
        faults = compare(planned(now), difference(before, after), "now")
        if then and not life.nats.is_paused:
            await receive_everything(life)
            faults += compare(planned(then), difference(after, owned(life)), "then")
        refused = any(line.action is Action.REFUSE for line in lines)
        if refused != (life.eventing() is not None and life.state()[0] == "Warning"):
            faults.append(f"refused: {refused}, and it is {life.state()}")
        return [f"{fault}\n" + "\n".join(plan.text()) for fault in faults]


def patch_whole(life, backend, nats, annotations):
    """Edit an Eventing as the plan reads its file: the spec as a whole."""
    current = life.eventing()
    if current is None:
        life.write(backend=backend, annotations=annotations, nats=nats)
        return
    metadata = current["metadata"]
    annotations = {**metadata.get("annotations", {}), **annotations}
    edited = {**current, "metadata": {**metadata, "annotations": annotations}}
    life.server.put({**edited, "spec": {"backend": {"type": backend, "nats": nats}}})


def compare(plan, deed, when):
    return [
        f"{when}, {action}: planned {sorted(plan[action])}, done {sorted(deed[action])}"
        for action in plan
        if plan[action] != deed[action]
    ]


def hold_plans(life, number, examples):
    @many(examples)
    @seed(number)
    @given(PROGRAMS, BACKENDS, SETTINGS, st.booleans(), st.sampled_from([False, False, False, True]))
    def play_all(program, backend, nats, forced, is_deletion):
        assert play(held, life(), program, backend, nats, forced, is_deletion) == []

    play_all()


@pytest.mark.parametrize("number", range(2))
def test_a_plan_is_what_is_then_done(life, number):
    hold_plans(life, number, 150)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_three_thousand_plans_are_what_is_then_done(life):
    number = random.randrange(2**32)  # noqa: S311 - which programs are tried is no secret
    print(f"the seed is {number}")  # noqa: T201 - to repeat it by
    hold_plans(life, number, 3_000)
