"""Programs of ours import nothing of the folder that they are started from."""

import os
import sys
from pathlib import Path

import pytest

import kyma_harness
from kyma_harness.host.interpreter import ANYWHERE, environment, program
from kyma_harness.host.process import run

SHOWING = "import json, yaml, asyncio\nprint(json.dumps([yaml.__file__, asyncio.__file__]))\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with modules that have the names of others, and a package of ours in another folder."""
    for name in ("yaml.py", "asyncio.py", "src/yaml.py"):
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text("raise RuntimeError('the project was imported')\n")
    shown = tmp_path / "installed" / "showing.py"
    shown.parent.mkdir()
    shown.write_text(SHOWING)
    return tmp_path / "project"


@pytest.mark.parametrize("path", ["", ".", "src", ".:src", "{project}", "{project}/src", ":"])
async def test_what_the_project_has_is_not_imported(project: Path, path: str) -> None:
    given = ":".join([path.format(project=project), str(project.parent / "installed")])

    done = await run(
        program("showing"),
        timeout=60,
        env=environment({**os.environ, "PYTHONPATH": given}, project),
        cwd=ANYWHERE,
    )

    assert str(project) not in done.stdout
    assert done.stdout.count("/") > 2


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("", None),
        (".:src", None),
        ("/opt/libraries:.:/opt/more", "/opt/libraries:/opt/more"),
        ("{project}", None),
        ("{project}/src:/opt", "/opt"),
        ("link", None),
    ],
    ids=str,
)
def test_of_the_path_everything_else_is_kept(project: Path, given, kept) -> None:
    (project / "link").symlink_to(project / "src")
    environ = {} if given is None else {"PYTHONPATH": given.format(project=project)}

    found = environment({"HOME": "/root", **environ}, project)

    assert found.pop("HOME") == "/root"
    assert found == ({} if kept is None else {"PYTHONPATH": kept.format(project=project)})


def test_where_we_come_from_is_kept_though_it_is_the_project_s() -> None:
    checkout = Path(kyma_harness.__file__).parents[2]

    found = environment({"PYTHONPATH": "harness:docs"}, checkout)

    assert found == {"PYTHONPATH": str(checkout / "harness")}


def test_a_package_of_the_project_s_with_our_name_is_not_where_we_come_from(project: Path) -> None:
    (project / "src" / "kubeloop").mkdir()

    assert environment({"PYTHONPATH": "src"}, project) == {}


def test_it_is_this_very_python() -> None:
    assert program("json.tool") == [sys.executable, "-P", "-m", "json.tool"]
