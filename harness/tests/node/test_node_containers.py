"""The containers of a pod start and end in a kubelet's order, whatever is interrupted."""

from node_builders import container
from pod_builders import a_pod, hooks, shell, sleeper, until_file
from pod_rig import running_pod


def noting(folder, name, **fields):
    """A container that notes its start and its SIGTERM, and ends a moment later."""
    note = f"echo {name}-{{}} >> {folder}/order"
    script = (
        f"trap '{note.format('term')}; sleep 0.1; {note.format('end')}; exit 0' TERM; {note.format('up')}"
    )
    return shell(f"{script}; touch {folder}/{name}; while true; do sleep 0.02; done", name, **fields)


def sidecar(folder, name, **fields):
    return {**noting(folder, name, **fields), "restartPolicy": "Always"}


async def test_a_container_starts_when_the_hook_of_the_one_before_is_done(tmp_path):
    gate = tmp_path / "go"
    first = noting(tmp_path, "proxy", **hooks(postStart=f"{until_file(gate)}; echo hook >> {tmp_path}/order"))
    async with running_pod(a_pod(first, noting(tmp_path, "app")), tmp_path) as rig:
        await rig.until_file("proxy")
        await rig.until(lambda: rig.status.get("phase") == "Pending")
        assert rig.state_of("proxy") == "ContainerCreating"

        gate.touch()
        await rig.until_state("running", "app")
        await rig.until_file("app")

        assert rig.lines("order") == ["proxy-up", "hook", "app-up"]
        assert rig.status["phase"] == "Running"


async def test_a_container_that_cannot_be_started_keeps_no_other_from_starting(tmp_path):
    async with running_pod(a_pod(container("none", "unknown:1"), noting(tmp_path, "app")), tmp_path) as rig:
        await rig.until_state("running", "app")

        assert rig.state_of("none") == "ErrImagePull"


async def test_a_pod_that_is_deleted_while_the_first_of_its_containers_starts_never_starts_the_second(
    tmp_path,
):
    first = noting(tmp_path, "proxy", **hooks(postStart="sleep 600"))
    async with running_pod(a_pod(first, noting(tmp_path, "app")), tmp_path) as rig:
        await rig.until_file("proxy")

        rig.delete()
        await rig.until_gone()

        assert rig.lines("order") == ["proxy-up", "proxy-term", "proxy-end"]


async def test_sidecars_end_after_the_others_one_by_one_and_in_reverse(tmp_path):
    names = ("db", "proxy", "logger")
    init = [sidecar(tmp_path, name) for name in names]
    of = a_pod(noting(tmp_path, "main"), initContainers=init)
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file(*names, "main")
        await rig.until_state("running", "main")

        rig.delete()
        await rig.until_gone()

        assert rig.lines("order") == [
            *[f"{name}-up" for name in (*names, "main")],
            *[f"{name}-{word}" for name in ("main", "logger", "proxy", "db") for word in ("term", "end")],
        ]


async def test_the_hook_of_a_sidecar_does_not_wait_for_its_turn(tmp_path):
    gate = tmp_path / "go"
    main = noting(tmp_path, "main", **hooks(preStop=until_file(gate)))
    init = [sidecar(tmp_path, "proxy", **hooks(preStop=f"touch {gate}"))]
    async with running_pod(a_pod(main, initContainers=init), tmp_path) as rig:
        await rig.until_file("main")
        await rig.until_state("running", "main")

        rig.delete()
        await rig.until_gone()

        assert rig.lines("order")[2:] == ["main-term", "main-end", "proxy-term", "proxy-end"]


async def test_a_sidecar_whose_turn_does_not_come_ends_with_the_grace(tmp_path):
    stubborn = shell(f"trap '' TERM; touch {tmp_path}/main; while true; do sleep 0.02; done", "main")
    async with running_pod(a_pod(stubborn, initContainers=[sidecar(tmp_path, "proxy")]), tmp_path) as rig:
        await rig.until_file("main")
        await rig.until_state("running", "main")
        rig.delete(grace=600)
        await rig.settled()

        rig.delete(grace=1)
        await rig.until_gone()

        assert (rig.exit_code("main"), rig.exit_code("proxy")) == (137, 0)


async def test_an_init_container_that_is_only_simulated_ends_and_a_sidecar_does_not(tmp_path):
    init = [
        container("tools", "test/simulated:1"),
        container("proxy", "test/simulated:1", restartPolicy="Always"),
    ]
    async with running_pod(a_pod(sleeper(), initContainers=init), tmp_path) as rig:
        await rig.until_state("running")

        assert rig.exit_code("tools") == 0
        assert rig.state_of("proxy") == "running"


async def test_sidecars_end_when_the_others_are_done(tmp_path):
    init = [sidecar(tmp_path, "proxy"), sidecar(tmp_path, "logger")]
    of = a_pod(shell(until_file(tmp_path / "go"), "main"), initContainers=init, restartPolicy="Never")
    async with running_pod(of, tmp_path) as rig:
        await rig.until_state("running", "main")
        await rig.until_file("proxy", "logger")

        rig.file("go").touch()
        await rig.until(lambda: rig.status.get("phase") == "Succeeded", what="Succeeded")

        assert rig.lines("order")[2:] == ["logger-term", "logger-end", "proxy-term", "proxy-end"]


async def test_an_init_container_that_fails_for_good_ends_the_sidecars_and_the_pod(tmp_path):
    init = [sidecar(tmp_path, "proxy"), shell(until_file(tmp_path / "go") + "; exit 1", "prepare")]
    of = a_pod(sleeper("main"), initContainers=init, restartPolicy="Never")
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file("proxy")
        await rig.until_state("running", "prepare")

        rig.file("go").touch()
        await rig.until(lambda: rig.status.get("phase") == "Failed", what="Failed")

        assert not rig.processes()
        assert rig.state_of("main") == "PodInitializing"


async def test_a_pod_that_is_deleted_while_it_waits_for_a_sidecar_is_gone(tmp_path):
    startup = {"exec": {"command": ["false"]}, "failureThreshold": 1000}
    of = a_pod(sleeper("main"), initContainers=[sidecar(tmp_path, "proxy", startupProbe=startup)])
    async with running_pod(of, tmp_path) as rig:
        await rig.until_file("proxy")
        await rig.until_state("running", "proxy")

        rig.delete()
        await rig.until_gone()

        assert rig.state_of("main") == "PodInitializing"


async def test_a_sidecar_that_was_killed_is_not_ready_until_it_is_back(tmp_path):
    of = a_pod(sleeper("main"), initContainers=[sidecar(tmp_path, "proxy")])
    async with running_pod(of, tmp_path, first_backoff=600.0) as rig:
        await rig.until(lambda: rig.container("proxy").get("ready"))
        await rig.until_state("running", "main")

        rig.kill("proxy")
        await rig.until(
            lambda: rig.container("proxy")["restartCount"] == 1 and rig.container("proxy")["ready"]
        )
        rig.kill("proxy")
        await rig.until_state("CrashLoopBackOff", "proxy")

        assert not rig.container("proxy")["ready"]
        assert rig.status["phase"] == "Running"
