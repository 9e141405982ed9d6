"""What the workers of one session, and one session after the other, have in common."""

import re
import shutil
from pathlib import Path

import pytest
from sessions import a_session, remains
from substitution import substituted

from kyma_harness.cli.example import LAMP
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.toolchain.toolchain import ToolPaths

pytestmark = pytest.mark.timeout(1200)


async def test_workers_share_one_cluster_take_turns_with_the_kyma_and_leave_nothing(tmp_path: Path) -> None:
    async with a_session(tmp_path, "-n2", "--dist=loadfile", "test_one.py", "test_two.py") as session:
        code = await session.end()

        assert code == 0, session.output
        assert "6 passed" in session.output
        assert "lifecycle managers: builtin (asked for)" in session.output
        assert len(session.met_with(".cluster")) == 1
        assert remains(tmp_path) == []


async def test_a_kept_cluster_is_taken_up_until_something_has_changed_which_is_told(tmp_path: Path) -> None:
    shutil.copytree(LAMP, tmp_path / "lamp", ignore=shutil.ignore_patterns("__pycache__"))
    run = (
        "--harness-keep",
        f"--harness-module={tmp_path / 'lamp' / 'module.yaml'}",
        "test_one.py",
        "-k",
        "again",
    )

    first = await _output_of(tmp_path, *run)
    second = await _output_of(tmp_path, *run)
    before = len(list((tmp_path / "meeting").glob("*.cluster")))
    values = tmp_path / "lamp" / "chart" / "values.yaml"
    values.write_text(values.read_text().replace("white", "amber"))
    third = await _output_of(tmp_path, *run)

    (kept,) = (tmp_path / "state" / "clusters").iterdir()
    assert f"cluster {kept.name}: made\n" in first
    assert f"remove it: kyma-harness --cluster {kept.name} down" in first
    assert f"cluster {kept.name}: taken up\n" in second
    assert before == 1
    assert f"cluster {kept.name}: made anew\n  module's bundle: was " in third
    assert len(list((tmp_path / "meeting").glob("*.cluster"))) == 2
    assert await EmbeddedCluster.take_down(kept)
    assert remains(tmp_path) == []


async def test_workers_make_a_kept_cluster_anew_once(tmp_path: Path) -> None:
    shutil.copytree(LAMP, tmp_path / "lamp", ignore=shutil.ignore_patterns("__pycache__"))
    run = ("--harness-keep", f"--harness-module={tmp_path / 'lamp' / 'module.yaml'}")
    await _output_of(tmp_path, *run, "test_one.py", "-k", "again")
    values = tmp_path / "lamp" / "chart" / "values.yaml"
    values.write_text(values.read_text().replace("white", "amber"))

    output = await _output_of(tmp_path, *run, "-n2", "--dist=loadfile", "test_one.py", "test_two.py")

    (kept,) = (tmp_path / "state" / "clusters").iterdir()
    assert "6 passed" in output
    assert f"cluster {kept.name}: made anew\n  module's bundle: was " in output
    assert len(list((tmp_path / "meeting").glob("*.cluster"))) == 2
    assert await EmbeddedCluster.take_down(kept)
    assert remains(tmp_path) == []


async def test_a_session_whose_cluster_does_not_come_up_leaves_nothing(
    tmp_path: Path, tools: ToolPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    tells_version = f'[ "$1" = --version ] && exec {tools.folder / "registry"} "$@"'
    broken = substituted(tools, tmp_path / "tools", "registry", f"{tells_version}; exit 7")

    async with a_session(tmp_path, f"--harness-tools={broken.folder}", "test_one.py") as session:
        code = await session.end()

        assert code == 1
        assert "registry ended with 7" in session.output
        assert session.clusters() == []
        assert list((tmp_path / "scratch").glob("kyma-harness-*")) == []
        assert remains(tmp_path) == []


@pytest.mark.long
async def test_a_namespace_that_cannot_go_fails_its_test_which_names_what_is_left(tmp_path: Path) -> None:
    async with a_session(tmp_path, "test_stuck.py") as session:
        code = await session.end()

        assert code == 1
        assert "1 passed, 1 error" in session.output
        assert re.search(r"of this test does not go, and there is still ConfigMap \S+/stuck", session.output)
        assert remains(tmp_path) == []


async def _output_of(folder: Path, *arguments: str) -> str:
    async with a_session(folder, *arguments) as session:
        assert await session.end() == 0, session.output
        return session.output
