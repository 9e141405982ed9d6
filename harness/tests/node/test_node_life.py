"""The life of a process: its hooks, its probes, its end, each stopped where it waits."""

import pytest
from pod_builders import a_pod, hooks, probe, shell, sleeper, until_file
from pod_rig import running_pod


def patient(folder, *, name="web", **fields):
    """A container that says when it is up, and ends by itself a moment after SIGTERM."""
    script = f"trap 'sleep 0.2; echo end >> {folder}/order; exit 0' TERM; touch {folder}/up"
    return shell(f"{script}; while true; do sleep 0.02; done", name, **fields)


def stubborn(folder, **fields):
    """A container that says when it is up, and does not mind SIGTERM."""
    return shell(f"trap '' TERM; touch {folder}/up; while true; do sleep 0.02; done", **fields)


async def test_no_liveness_probe_cuts_the_grace_short(tmp_path):
    dying, asked = tmp_path / "dying", tmp_path / "asked"
    fields = hooks(preStop=f"touch {dying}; sleep 1.5")
    liveness = probe(f"test -e {dying} && touch {asked}; ! test -e {dying}", failureThreshold=1)
    async with running_pod(a_pod(patient(tmp_path, livenessProbe=liveness, **fields)), tmp_path) as rig:
        await rig.until_file("up")
        await rig.until_state("running")

        rig.delete()
        await rig.until_gone()

        assert rig.exit_code() == 0
        assert not asked.exists()
        assert rig.reasons().count("Killing") == 1


async def test_who_ends_can_turn_unready_before(tmp_path):
    dying, gate = tmp_path / "dying", tmp_path / "go"
    fields = hooks(preStop=f"touch {dying}; {until_file(gate)}")
    readiness = probe(f"! test -e {dying}", failureThreshold=1)
    async with running_pod(a_pod(sleeper(readinessProbe=readiness, **fields)), tmp_path) as rig:
        await rig.until(lambda: rig.container().get("ready"))

        rig.delete()
        await rig.until(lambda: not rig.container()["ready"])
        assert rig.state_of() == "running"

        gate.touch()
        await rig.until_gone()


async def test_a_hook_that_uses_up_the_grace_leaves_the_process_a_moment_to_end(tmp_path):
    of = a_pod(patient(tmp_path, **hooks(preStop=f"touch {tmp_path}/hook; sleep 600")))
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file("up")
        await rig.until_state("running")

        rig.delete(grace=1)
        await rig.until_gone()

        assert rig.exit_code() == 0


async def test_a_grace_is_shortened_while_the_hook_runs(tmp_path):
    of = a_pod(patient(tmp_path, **hooks(preStop=f"touch {tmp_path}/hook; sleep 600")))
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file("up")
        await rig.until_state("running")
        rig.delete(grace=600)
        await rig.until_file("hook")

        rig.delete(grace=1)
        await rig.until_gone()

        assert rig.exit_code() == 0


async def test_a_grace_is_shortened_while_the_process_does_not_mind_its_signal(tmp_path):
    async with running_pod(a_pod(stubborn(tmp_path)), tmp_path) as rig:
        await rig.until_file("up")
        await rig.until_state("running")
        rig.delete(grace=600)
        await rig.settled()

        rig.delete(grace=1)
        await rig.until_gone()

        assert rig.exit_code() == 137


async def test_a_process_that_ends_while_its_hook_runs_is_not_waited_for_any_longer(tmp_path):
    gate = tmp_path / "go"
    of = a_pod(shell(until_file(gate), **hooks(preStop=f"touch {gate}; sleep 600")))
    async with running_pod(of, tmp_path) as rig:
        await rig.until_state("running")

        rig.delete(grace=600)
        await rig.until_gone()

        assert rig.exit_code() == 0


async def test_a_pod_that_is_deleted_while_its_first_hook_runs_never_says_that_it_is_running(tmp_path):
    fields = hooks(postStart=f"touch {tmp_path}/hook; sleep 600", preStop=f"echo stop >> {tmp_path}/order")
    async with running_pod(a_pod(patient(tmp_path, **fields)), tmp_path) as rig:
        await rig.until_file("up", "hook")

        rig.delete()
        await rig.until_gone()

        assert rig.history() == ["ContainerCreating", "terminated"]
        assert rig.lines("order") == ["stop", "end"]


async def test_a_first_hook_that_fails_ends_the_container_and_it_is_tried_again(tmp_path):
    good = tmp_path / "good"
    async with running_pod(a_pod(patient(tmp_path, **hooks(postStart=f"test -e {good}"))), tmp_path) as rig:
        await rig.until(lambda: "FailedPostStartHook" in rig.reasons())

        good.touch()
        await rig.until_state("running")

        assert rig.container()["restartCount"] >= 1


async def test_a_probe_that_hangs_holds_up_no_end(tmp_path):
    startup = probe(f"touch {tmp_path}/asked; sleep 600", timeoutSeconds=600)
    async with running_pod(a_pod(patient(tmp_path, startupProbe=startup)), tmp_path) as rig:
        await rig.until_file("up", "asked")

        rig.delete()
        await rig.until_gone()

        assert rig.exit_code() == 0


async def test_a_new_image_that_comes_while_a_hook_runs_is_taken_when_the_old_one_has_ended(tmp_path):
    of = a_pod(
        patient(
            tmp_path, **hooks(postStart=f"test -e {tmp_path}/hook || {{ touch {tmp_path}/hook; sleep 600; }}")
        )
    )
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file("up", "hook")

        rig.name_image("test/shell:2")
        await rig.until_state("running")

        assert rig.lines("order") == ["end"]
        assert rig.container()["image"] == "test/shell:2"
        assert rig.container()["restartCount"] == 1


async def test_a_pod_that_is_deleted_while_it_ends_for_a_new_image_ends_within_its_own_grace(tmp_path):
    async with running_pod(a_pod(stubborn(tmp_path), terminationGracePeriodSeconds=600), tmp_path) as rig:
        await rig.until_file("up")
        await rig.until_state("running")
        rig.name_image("test/shell:2")
        await rig.until(lambda: "Killing" in rig.reasons())

        rig.delete(grace=1)
        await rig.until_gone()

        assert rig.history() == ["ContainerCreating", "running", "terminated"]


async def test_the_signal_goes_to_the_process_and_not_to_what_it_has_started(tmp_path):
    order = tmp_path / "order"
    (tmp_path / "child.sh").write_text(f"""
        trap 'echo TERM >> {order}' TERM
        trap 'drained=yes; echo USR1 >> {order}' USR1
        touch {tmp_path}/child
        while test -z "$drained"; do sleep 0.02; done
    """)
    drain = f"echo parent >> {order}; kill -USR1 $child; wait $child; exit 0"
    script = (
        f"sh {tmp_path}/child.sh & child=$!; trap '{drain}' TERM;"
        f" touch {tmp_path}/up; while true; do sleep 0.02; done"
    )
    async with running_pod(a_pod(shell(script)), tmp_path) as rig:
        await rig.until_file("up", "child")
        await rig.until_state("running")

        rig.delete()
        await rig.until_gone()

        assert rig.lines("order") == ["parent", "USR1"]
        assert rig.exit_code() == 0


@pytest.mark.parametrize("start", ["nohup", "setsid"])
async def test_whatever_a_process_has_left_is_killed_when_it_ends(tmp_path, start):
    child = f"trap '' TERM HUP; touch {tmp_path}/child; while true; do sleep 0.02; done"
    script = f'{start} sh -c "{child}" >/dev/null 2>&1 & {until_file(tmp_path / "go")}'
    async with running_pod(a_pod(shell(script), restartPolicy="Never"), tmp_path) as rig:
        await rig.until_file("child")

        rig.file("go").touch()
        await rig.until_state("terminated")

        assert not rig.processes()


@pytest.mark.parametrize("of", ["hook", "probe"])
async def test_what_hooks_and_probes_leave_behind_lives_on_until_the_container_ends(tmp_path, of):
    child = f"while true; do echo x >> {tmp_path}/beats; sleep 0.02; done"
    start = (
        f"test -e {tmp_path}/begun || {{ touch {tmp_path}/begun; nohup sh -c '{child}' >/dev/null 2>&1 & }}"
    )
    fields = hooks(postStart=start) if of == "hook" else {"startupProbe": probe(start)}
    async with running_pod(a_pod(sleeper(**fields)), tmp_path) as rig:
        await rig.until(lambda: rig.container().get("started"))
        before = len(rig.lines("beats"))
        await rig.until_more("beats", before)

        rig.delete(grace=5)
        await rig.until_gone()

        assert not rig.processes()


async def test_a_condemned_container_is_started_again_also_if_it_ends_well(tmp_path):
    liveness = probe(f"test -e {tmp_path}/good", failureThreshold=1)
    of = a_pod(patient(tmp_path, livenessProbe=liveness), restartPolicy="OnFailure")
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file("up")
        await rig.until(lambda: rig.container().get("lastState", {}).get("terminated"))
        rig.file("good").touch()

        assert rig.container()["lastState"]["terminated"]["exitCode"] == 0
