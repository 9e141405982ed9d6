"""What is somebody else's in a folder stays, whoever clears it, and no cluster is made beside it."""

import sys
from pathlib import Path

import pytest
from unprivileged import run_unprivileged

from kyma_harness.clusters.cluster_folder import ClusterHome
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import ENTRIES, LASTING, Layout
from kyma_harness.host.descendants import remove_unused
from kyma_harness.host.errors import ForeignFolderError
from kyma_harness.host.process import run
from kyma_harness.toolchain.toolchain import ToolPaths

THESIS = {"thesis/chapter1.txt": "words", "notes.txt": "more words"}
REMOVAL = """\
import pathlib, sys
from kyma_harness.embedded.layout import Layout
Layout(pathlib.Path(sys.argv[1])).remove()
"""
REMOVAL_BY_GUARD = """\
import pathlib, sys
from kyma_harness.embedded.layout import ENTRIES
from kyma_harness.host.descendants import remove_unused
remove_unused(pathlib.Path(sys.argv[1]), ENTRIES)
"""
LOOKS_LIKE_OURS = {"kubeconfig": "theirs", "logs/server.log": "theirs", "lock": ""}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def whole(root: Path) -> Layout:
    """Return a cluster's folder with all that one may have, and with what a kill left half written."""
    layout = Layout(root)
    layout.create()
    folders = {"volumes", "pods", "down", "repairs", "kustomization", *(file.name for file in root.iterdir())}
    for name in ENTRIES:
        written(root, {f"{name}/part": ""} if name in folders else {name: ""})
    (root / ".testbed.json.4711").touch()
    return layout


foreign = pytest.mark.parametrize(
    "files", [THESIS, {**THESIS, **LOOKS_LIKE_OURS}], ids=["nothing of ours", "names of ours as well"]
)


@foreign
async def test_no_cluster_is_started_in_a_folder_of_somebody_elses(tmp_path: Path, files) -> None:
    folder = written(tmp_path / "kyma", files)

    with pytest.raises(ForeignFolderError, match=r"kyma has notes\.txt, thesis, .*: move "):
        await EmbeddedCluster.start(
            name="kyma", state=folder, tools=ToolPaths(folder=tmp_path), detached=False
        )

    assert contents(folder) == files


@foreign
async def test_a_supervisor_that_is_run_by_hand_refuses_it_too(tmp_path: Path, files) -> None:
    folder = written(tmp_path / "kyma", files)
    argv = [sys.executable, "-m", "kyma_harness.embedded.supervisor", "--state", folder, "--tools", tmp_path]

    done = await run(argv, timeout=60, check=False)

    assert done.returncode == 1
    assert "kyma has notes.txt, thesis, which" in done.stdout
    assert contents(folder) == files


def test_the_remains_of_a_cluster_are_no_stranger_s(tmp_path: Path) -> None:
    whole(tmp_path / "kyma").check_free()


def test_a_cluster_s_folder_is_removed_as_a_whole(tmp_path: Path) -> None:
    whole(tmp_path / "kyma").remove()

    assert list(tmp_path.iterdir()) == []


def test_clearing_leaves_what_is_not_of_one_run(tmp_path: Path) -> None:
    layout = whole(tmp_path / "kyma")

    layout.clear()

    assert sorted(entry.name for entry in layout.root.iterdir()) == sorted(LASTING)


@pytest.mark.parametrize("by", ["layout", "home", "guard"])
def test_what_somebody_has_put_into_a_cluster_s_folder_stays(tmp_path: Path, by: str) -> None:
    layout = whole(tmp_path / "kyma")
    written(layout.root, THESIS)

    if by == "layout":
        layout.remove()
    elif by == "home":
        ClusterHome(cluster="kyma", folder=layout.root, kubectl=tmp_path).remove()
    else:
        remove_unused(layout.root, ENTRIES)

    assert contents(layout.root) == THESIS


@pytest.mark.parametrize(
    ("entries", "is_ours"),
    [
        ((), True),
        (("lock",), True),
        (("lock", "thesis"), True),
        (("pods", "volumes"), True),
        ((".kubeconfig.17",), True),
        (("thesis",), False),
        (("logs", "thesis"), False),
    ],
)
def test_a_folder_is_told_by_what_is_in_it(tmp_path: Path, entries, is_ours) -> None:
    for name in entries:
        (tmp_path / name).touch()

    if is_ours:
        Layout(tmp_path).check_ours()
    else:
        with pytest.raises(ForeignFolderError, match="has .*thesis and nothing of a cluster"):
            Layout(tmp_path).check_ours()


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    theirs = written(tmp_path / "theirs", THESIS)
    layout = Layout(tmp_path / "kyma")
    layout.create()
    (layout.root / "volumes").symlink_to(theirs)

    layout.remove()

    assert contents(theirs) == THESIS
    assert not layout.root.exists()


@pytest.mark.parametrize("by", [REMOVAL, REMOVAL_BY_GUARD], ids=["next to come", "guard"])
@pytest.mark.parametrize("closed", ["volumes", "volumes/pkg", "volumes/pkg/mod"])
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_what_a_pod_has_closed_goes_as_well(tmp_path: Path, by: str, closed: str, mode: int) -> None:
    layout = Layout(tmp_path / "kyma")
    layout.create()
    written(layout.root, {"users.lock": "", "lock": ""})
    inner = written(layout.root / "volumes" / "pkg" / "mod", THESIS)
    inner.chmod(0o500)
    (layout.root / closed).chmod(mode)

    done = run_unprivileged([sys.executable, "-c", by, layout.root])

    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
