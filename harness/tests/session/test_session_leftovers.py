"""What a dead run leaves is shown and removed, what a live one owns is not."""

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from eventually import PATIENCE, eventually
from sessions import a_session, clusters_in, processes_about, remains

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.descendants import marked
from kyma_harness.host.process import Child, run, spawn
from kyma_harness.toolchain.toolchain import ToolPaths

pytestmark = pytest.mark.timeout(1200)
PROGRAM = Path(sys.executable).with_name("kyma-harness")


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs the program as the user of the sessions in a folder would."""

    folder: Path

    async def __call__(self, *words: str) -> dict:
        own = {"KYMA_HARNESS_STATE": str(self.folder / "state"), "XDG_RUNTIME_DIR": str(self.folder / "run")}
        done = await run(
            [PROGRAM, *words, "--output=json"], timeout=PATIENCE, env={**os.environ, **own}, check=False
        )
        return json.loads(done.stdout)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "run").mkdir()
    return Shell(tmp_path)


async def killed(tmp_path: Path, tools: ToolPaths) -> EmbeddedCluster:
    """Start a cluster with a daemon in a pod, and kill everybody who would clean up after it."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {image: daemon, command: [sh, -c, 'setsid sleep 600 & sleep 600']}\n")
    state = tmp_path / "state" / "clusters" / "killed"
    cluster = await EmbeddedCluster.start(
        name="killed", state=state, tools=tools, rules=[rules], detached=True
    )
    kubectl = [tools.folder / "kubectl", "--kubeconfig", cluster.kubeconfig]
    await run([*kubectl, "run", "daemon", "--image=daemon"], timeout=PATIENCE)
    await eventually(lambda: [_program(pid) for pid in marked(str(state))].count("sleep") == 2)
    for pid in (_guard_of(state), cluster.pid):
        os.kill(pid, signal.SIGKILL)
    await eventually(lambda: cluster.pid not in processes_about(tmp_path))
    # The kernel ends its children with it; the pods' daemons stay.
    await eventually(lambda: {_program(pid) for pid in marked(str(state))} == {"sleep"})
    return cluster


async def test_what_nobody_owns_is_shown_by_doctor_and_removed_by_gc(
    tmp_path: Path, tools: ToolPaths, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    cluster = await killed(tmp_path, tools)
    daemons = marked(str(cluster.state))

    shown = (await shell("doctor"))["leaks"]
    would = await shell("gc", "--dry-run")
    still = clusters_in(tmp_path)
    done = await shell("gc")
    after = (await shell("doctor"))["leaks"]

    assert daemons
    assert [leak["kind"] for leak in shown] == ["processes", "cluster", "port locks"]
    assert would["removed"] == done["removed"] == shown
    assert [one.root.name for one in still] == ["killed"]
    assert done["kept"] == after == []
    assert remains(tmp_path) == []
    assert not (tmp_path / "state").exists()


async def test_what_a_live_run_owns_is_no_leak(tmp_path: Path, shell: Shell) -> None:
    async with a_session(tmp_path, "test_endless.py") as session:
        await session.until_endless()

        told = await shell("status")
        collected = await shell("gc")

        (cluster,) = told["clusters"]
        assert (cluster["condition"], cluster["users"]) == ("runs", [session.endless()])
        assert collected == {"dry_run": False, "removed": [], "kept": []}
        assert (
            session.supervisor()
            == Layout(tmp_path / "state" / "clusters" / cluster["name"]).read_record().pid
        )


async def test_a_folder_that_somebody_is_filling_is_no_leak(tmp_path: Path, shell: Shell) -> None:
    folder = tmp_path / "state" / "clusters" / "early"
    folder.mkdir(parents=True)
    (folder / "users.lock").touch()
    holder = await _holding(tmp_path / "state" / "making" / "early.lock", tmp_path)

    during = await shell("gc")
    await holder.terminate(grace=1)
    afterwards = await shell("gc")

    assert during["removed"] == []
    assert [leak["kind"] for leak in afterwards["removed"]] == ["cluster", "making locks"]
    assert not (tmp_path / "state").exists()


async def _holding(lock: Path, tmp_path: Path) -> Child:
    program = (
        "import sys, time; from pathlib import Path; from kyma_harness.host.locks import FileLock;"
        "FileLock(Path(sys.argv[1])).acquire(); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, lock]
    child = await spawn(command, name="holder", env=dict(os.environ), stdout=tmp_path / "holder.log")
    await eventually(lambda: lock.exists() and lock.read_text())
    return child


def _guard_of(state: Path) -> int:
    """Return the guard: it has the folder's name in its command line, and not the mark."""
    found = [pid for pid in processes_about(state) if "descendants.py" in _command(pid)]
    assert len(found) == 1
    return found[0]


def _program(pid: int) -> str:
    return _command(pid).partition("\0")[0].rpartition("/")[2]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
