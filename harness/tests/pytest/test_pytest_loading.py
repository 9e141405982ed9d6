"""A session that asks for nothing of ours loads nothing; one that does takes no module of the project."""

import json
import os
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

from kyma_harness.host.process import run
from kyma_harness.pytest.loading import installed_path, only_installed

LIGHT = {
    "kyma_harness",
    "kyma_harness.session",
    "kyma_harness.session.options",
    "kyma_harness.kyma",
    "kyma_harness.kyma.choices",
    "kyma_harness.clusters",
    "kyma_harness.clusters.errors",
    "kyma_harness.clusters.provider",
    "kyma_harness.host",
    "kyma_harness.host.descendants",
    "kyma_harness.host.errors",
    "kyma_harness.host.interpreter",
    "kyma_harness.host.paths",
    "kyma_harness.wait",
    "kyma_harness.wait.steps",
    "kyma_harness.plugin",
}
"""What a session has of us that asks for none of ours, besides hooks and fixtures that do nothing yet."""
SHOWING = """
    import json, sys
    from pathlib import Path

    def pytest_sessionfinish():
        Path("loaded.json").write_text(json.dumps(sorted(sys.modules)))
"""
OF_PYTEST = {"pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py"}
THEIRS = """
    # What a project may have, none of which is ours to use.
    is_the_project_s = True
    if __name__ == "asyncio":
        raise RuntimeError("the project's asyncio was imported")
"""
TESTS = """
    import kubeloop
    import yaml
    import controller.logic
    import harness

    def test_of_the_project(api, kyma):
        kyma.expect().to_have_state("Ready")
        assert yaml.is_the_project_s
        assert kubeloop.is_the_project_s
        assert controller.logic.is_the_project_s

    def test_with_a_later_import(namespace):
        import tenacity
        assert tenacity.is_the_project_s
"""


@pytest.fixture
def session(portal, tmp_path):
    """Run pytest with our plugin alone, by its program or as a module, and return what it says."""

    def call(*words, by="pytest", **environment):
        begin = [sys.executable, "-m", "pytest"] if by == "python -m pytest" else [_program("pytest")]
        plugins = ["-p", "kyma_harness.plugin", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", "-rA"]
        ours = ("PYTEST_", "COV_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        places = {"KYMA_HARNESS_STATE": str(tmp_path / "state"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        running = run(
            [*begin, *plugins, *words],
            timeout=300,
            check=False,
            cwd=tmp_path,
            env={**clean, **places, **environment},
        )
        done = portal.call(running)
        return done.stdout + done.stderr

    return call


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(content))


def test_a_session_that_asks_for_nothing_of_ours_loads_nothing_of_ours(session, tmp_path):
    write(tmp_path, {"conftest.py": SHOWING, "test_it.py": "def test_it(tmp_path): pass\n"})

    said = session()

    loaded = set(json.loads((tmp_path / "loaded.json").read_text()))
    ours = {name for name in loaded if name.startswith("kyma_harness")}
    others = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - OF_PYTEST
    assert "1 passed" in said
    assert {name for name in ours if not name.startswith("kyma_harness.pytest")} <= LIGHT
    assert {name for name in others if not name.startswith("_")} == {"kyma_harness", "conftest", "test_it"}
    assert not {"asyncio", "ssl", "http", "multiprocessing", "sqlite3"} & loaded


@pytest.mark.timeout(600)
@pytest.mark.parametrize("by", ["pytest", "python -m pytest"])
def test_a_project_may_have_modules_of_any_name(session, tools, tmp_path, by):
    packages = ("kubeloop", "controller", "harness", "kyma_harness_tests", "docker")
    files = {f"{name}/__init__.py": THEIRS for name in packages}
    files |= {f"{name}.py": THEIRS for name in ("yaml", "asyncio", "tenacity", "aiohttp")}
    files |= {"controller/logic.py": THEIRS, "kyma_harness/notes.txt": "a folder", "test_it.py": TESTS}
    write(tmp_path, files | {"conftest.py": ""})

    options = (f"--harness-tools={tools.folder}", "--kyma=builtin", "--harness-provider=embedded")
    said = session(*options, by=by, PYTHONPATH=".")

    assert "2 passed" in said, said


@pytest.mark.timeout(600)
def test_the_command_line_works_in_such_a_project(portal, tools, tmp_path):
    names = ("kubeloop", "controller", "harness", "docker")
    write(tmp_path, {f"{name}/__init__.py": "raise RuntimeError\n" for name in names})
    write(tmp_path, {f"{name}.py": "raise RuntimeError\n" for name in ("yaml", "asyncio", "click")})
    environ = os.environ | {"KYMA_HARNESS_STATE": str(tmp_path / "state"), "HARNESS_TOOLS": str(tools.folder)}

    def kyma_harness(*words):
        return portal.call(
            run([_program("kyma-harness"), *words], timeout=200, cwd=tmp_path, env=environ, check=False)
        )

    up = kyma_harness("up", "--provider=embedded", "--kyma=builtin", "--until=rights")
    down = kyma_harness("down")

    assert (up.returncode, down.returncode) == (0, 0), up.stderr


@pytest.mark.parametrize(
    ("path", "asked", "installed"),
    [
        (["/bin", "/lib"], "", ["/bin", "/lib"]),
        (["/work", "/lib"], "", ["/lib"]),
        (["", "/lib"], "", ["/lib"]),
        (["/work", "/lib", "/work"], "", ["/lib", "/work"]),
        (["/work", "/work/.venv/lib", "/lib"], "", ["/work/.venv/lib", "/lib"]),
        (["/bin", "/work/src", "/opt", "/work/.venv/lib"], "src:/opt", ["/bin", "/opt", "/work/.venv/lib"]),
        (["/bin", "/work/src", "/lib"], "/work/src", ["/bin", "/lib"]),
    ],
)
def test_the_project_s_folder_is_not_where_things_are_installed(path, asked, installed):
    assert installed_path(path, Path("/work"), asked) == installed


def test_afterwards_the_project_s_modules_are_the_project_s_again(tmp_path, monkeypatch):
    theirs, installed = tmp_path / "theirs", tmp_path / "installed"
    both = ("clash_known.py", "clash_new.py")
    write(theirs, dict.fromkeys((*both, "only_theirs.py"), "whose = 'theirs'\n"))
    write(installed, dict.fromkeys(both, "whose = 'installed'\n"))
    monkeypatch.setattr(sys, "path", [str(theirs), *sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    known, only = import_module("clash_known"), import_module("only_theirs")

    with only_installed([str(installed), *sys.path[1:]]):
        ours = [import_module(name).whose for name in ("clash_known", "clash_new")]
        with pytest.raises(ModuleNotFoundError):
            import_module("only_theirs")

    assert ours == ["installed", "installed"]
    assert import_module("clash_known") is known
    assert import_module("clash_new").whose == "theirs"
    assert import_module("only_theirs") is only


def test_what_is_installed_somewhere_below_the_project_s_folder_is_not_the_project_s(tmp_path, monkeypatch):
    below = {".venv/lib/below/__init__.py": "", ".venv/lib/below/inner.py": ""}
    write(tmp_path, {**below, "conftest_like.py": ""})
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / ".venv" / "lib"), *sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    known = [import_module(name) for name in ("below", "below.inner", "conftest_like")]

    with only_installed(sys.path[1:]):
        again = [sys.modules.get(name) for name in ("below", "below.inner", "conftest_like")]

    assert again == [*known[:2], None]
    assert sys.modules["conftest_like"] is known[2]


def test_what_is_installed_within_the_project_s_folder_is_not_the_project_s(tmp_path, monkeypatch):
    theirs, installed = tmp_path, tmp_path / ".venv" / "lib"
    write(installed, {"lib_known.py": "", "lib_new.py": "import lib_known\n"})
    monkeypatch.setattr(sys, "path", [str(theirs), str(installed), *sys.path])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    known = import_module("lib_known")

    with only_installed([str(installed), *sys.path[2:]]):
        new = import_module("lib_new")

    assert new.lib_known is known
    assert import_module("lib_new") is new


def _program(name: str) -> Path:
    return Path(sys.executable).with_name(name)
