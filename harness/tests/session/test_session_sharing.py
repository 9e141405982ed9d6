"""What the workers of one session, and one session after the other, have in common."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from sessions import a_session, end_processes_about, remains
from substitution import substituted

from kyma_harness.cli.example import LAMP
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.blocking import Portal
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What sessions said that kept their cluster for the next, and how many clusters there had been."""

    name: str
    first: str
    second: str
    workers: str
    clusters: list[int]


@pytest.fixture(scope="module")
def kept(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Three sessions, one after the other: the module is changed before the third, which has two workers."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copytree(LAMP, folder / "lamp", ignore=shutil.ignore_patterns("__pycache__"))
    values, clusters = folder / "lamp" / "chart" / "values.yaml", list[int]()

    async def output_of(*arguments: str) -> str:
        keeping = ("--harness-keep", f"--harness-module={folder / 'lamp' / 'module.yaml'}")
        async with a_session(folder, *keeping, *arguments) as session:
            assert await session.end() == 0, session.output
            clusters.append(len(session.met_with(".cluster")))
            return session.output

    async def lived() -> Kept:
        first = await output_of("test_one.py", "-k", "again")
        second = await output_of("test_one.py", "-k", "again")
        values.write_text(values.read_text().replace("white", "amber"))
        workers = await output_of("-n2", "--dist=loadfile", "test_one.py", "test_two.py")
        (found,) = (folder / "state" / "clusters").iterdir()
        assert await EmbeddedCluster.take_down(found)
        assert remains(folder) == []
        return Kept(name=found.name, first=first, second=second, workers=workers, clusters=clusters)

    try:
        return portal.call(lived())
    finally:
        end_processes_about(folder)


def test_a_kept_cluster_is_taken_up_and_both_are_told(kept: Kept) -> None:
    assert f"cluster {kept.name}: made\n" in kept.first
    assert f"remove it: kyma-harness --cluster {kept.name} down" in kept.first
    assert f"cluster {kept.name}: taken up\n" in kept.second
    assert kept.clusters[:2] == [1, 1]


def test_where_something_has_changed_workers_make_it_anew_once_and_say_why(kept: Kept) -> None:
    assert "6 passed" in kept.workers
    assert f"cluster {kept.name}: made anew\n  module's bundle: was " in kept.workers
    assert kept.clusters[2] == 2


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
