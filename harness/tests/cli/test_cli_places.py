"""Where we may not write, a sentence says where that is, and which variable names another place."""

import errno
import os
import sys
from pathlib import Path

import pytest
from unprivileged import run_unprivileged

from kyma_harness.host.errors import PlaceError
from kyma_harness.host.paths import explained, state_dir

PROGRAM = Path(sys.executable).with_name("kyma-harness")
TESTS = """
def test_with_a_cluster(kyma):
    pass

def test_with_another(api):
    pass

def test_without_any():
    pass
"""


@pytest.fixture
def closed(tmp_path):
    """A folder into which nobody may write."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)


@pytest.fixture
def places(closed, tmp_path, tools):
    """Environments in each of which something cannot be used, and what is to be named then."""
    (tmp_path / "file").touch()
    plain = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    usable = {**plain, "HOME": str(tmp_path), "HARNESS_TOOLS": str(tools.folder)}
    return {
        "home": ({**plain, "HOME": str(closed)}, "KYMA_HARNESS_"),
        "a home that is not there": ({**plain, "HOME": str(closed / "nobody")}, "KYMA_HARNESS_"),
        "state": ({**usable, "KYMA_HARNESS_STATE": str(closed / "state")}, "KYMA_HARNESS_STATE"),
        "a file as state": ({**usable, "KYMA_HARNESS_STATE": str(tmp_path / "file")}, "KYMA_HARNESS_STATE"),
    }


KINDS = ("home", "a home that is not there", "state", "a file as state")
UP = "up --provider embedded --kyma builtin"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", [UP, "down", "enable", "gc", "status"])
def test_a_command_says_what_cannot_be_used_and_never_shows_a_traceback(places, closed, kind, command):
    environment, variable = places[kind]

    done = run_unprivileged([PROGRAM, *command.split()], env=environment, cwd=closed.parent)

    assert "Traceback" not in done.stderr, done.stderr
    if command == UP:
        assert done.returncode == 1
        assert "cannot be used (" in done.stderr
        assert variable in done.stderr


def test_a_script_is_told_as_json(places, closed):
    environment, _ = places["state"]

    done = run_unprivileged([PROGRAM, *UP.split(), "-o", "json"], env=environment, cwd=closed.parent)

    assert '"message": "' in done.stdout
    assert "KYMA_HARNESS_STATE" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_of_tests_goes_on_without_those_that_need_a_cluster(places, closed, tmp_path, kind):
    environment, variable = places[kind]
    (tmp_path / "test_it.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"]

    done = run_unprivileged(
        [*argv, f"--rootdir={tmp_path}", "--harness-provider=embedded", "--kyma=builtin", "test_it.py"],
        env=environment,
        cwd=tmp_path,
    )

    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "1 passed, 2 errors" in done.stdout, done.stdout
    assert variable in done.stdout


DENIED, READ_ONLY, NO_ROOM = "Permission denied", "Read-only file system", "No space left on device"


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (
            PermissionError(errno.EACCES, DENIED, "/home/ada/.cache"),
            "/home/ada/.cache cannot be used (Permission denied)",
            "name another folder with KYMA_HARNESS_CACHE",
        ),
        (
            PermissionError(errno.EACCES, DENIED, "/home/ada/.local/state/kyma-harness/making"),
            "/home/ada/.local/state/kyma-harness/making cannot be used (Permission denied)",
            "name another folder with KYMA_HARNESS_STATE",
        ),
        (
            OSError(errno.EROFS, READ_ONLY, "/home/ada"),
            "/home/ada cannot be used (Read-only file system)",
            "name another folder with KYMA_HARNESS_STATE or KYMA_HARNESS_CACHE",
        ),
        (
            OSError(errno.ENOSPC, NO_ROOM),
            "a file cannot be written (No space left on device)",
            "make room, or let this user in there",
        ),
        (
            PermissionError(errno.EACCES, DENIED, "/etc/kubeconfig"),
            "/etc/kubeconfig cannot be used (Permission denied)",
            "make room, or let this user in there",
        ),
    ],
)
def test_what_the_system_says_no_to_is_told_with_what_to_do(error, what, remedy):
    home = Path("/home/ada")
    environ = {"XDG_STATE_HOME": str(home / ".local" / "state"), "XDG_CACHE_HOME": str(home / ".cache")}

    assert str(explained(error, environ)) == f"{what}: {remedy}"


def test_a_defect_is_not_explained_away():
    assert explained(FileNotFoundError(errno.ENOENT, "No such file", "/home/ada/x"), {}) is None
    assert explained(ConnectionResetError(errno.ECONNRESET, "reset"), {}) is None


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    with pytest.raises(PlaceError, match=r"no home folder .*: name a folder with KYMA_HARNESS_STATE"):
        state_dir({})
