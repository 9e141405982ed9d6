"""The commands one after another, as a script calls them, with a module of one process."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kyma_harness.cli import example
from kyma_harness.host.blocking import Portal
from kyma_harness.host.process import run

pytestmark = pytest.mark.timeout(900)
LAMP = example.LAMP / "module.yaml"
PROGRAM = Path(sys.executable).with_name("kyma-harness")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs the program as a process of its own; later commands are not told what the first was."""

    portal: Portal
    state: Path
    tools: Path

    def __call__(self, *words, code=0):
        return self.ended(*words, code=code).stdout

    def ended(self, *words, code=0):
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "KYMA_HARNESS_STATE": str(self.state),
            "HARNESS_TOOLS": str(self.tools),
        }
        done = self.portal.call(run([PROGRAM, *words], timeout=360, env=environment, check=False))
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def document(self, *words, code=0):
        return json.loads(self(*words, "--output", "json", code=code))


@pytest.fixture(scope="module")
def shell(portal, tools, tmp_path_factory) -> Iterator[Shell]:
    state = tmp_path_factory.mktemp("commands") / "state"
    calling = Shell(portal=portal, state=state, tools=tools.folder)
    calling("--module", str(LAMP), "up", "--kyma", "builtin", "--until", "enable", "--provider", "embedded")
    yield calling
    assert calling.document("down") == {"cluster": "kyma", "was_running": True}
    assert not state.exists()


def test_status_tells_of_cluster_kyma_and_modules(shell):
    told = shell.document("status")

    assert told["running"]
    assert told["provider"] == "embedded"
    assert told["managers"] == "builtin"
    assert told["kyma"] == "Ready"
    assert told["modules"] == [{"name": "lamp", "channel": "alpha", "state": "Ready"}]
    assert shell("kubeconfig") == f"{told['kubeconfig']}\n"


def test_up_takes_up_what_runs(shell):
    told = shell.document("up")

    assert (told["cluster"], told["module"], told["managers"]) == ("kyma", "lamp", "builtin")


def test_up_says_what_can_be_done_after_the_step_it_ended_with(shell):
    half, whole = (shell.ended("up", "--until", last).stderr for last in ("managers", "enable"))

    assert re.search(r"^  go on +\S+ up$", half, re.MULTILINE)
    assert "disable lamp" not in half
    assert re.search(r"^  remove +\S+ disable lamp ", whole, re.MULTILINE)
    assert "go on" not in whole


def test_verify_lists_its_checks(shell):
    told = shell.document("verify")

    assert told["ok"]
    assert {one["ok"] for one in told["checks"]} == {True}


def test_a_module_is_removed_and_added_again(shell):
    gone = shell.document("disable")
    without = shell.document("status")
    there = shell.document("enable", "lamp")

    assert gone["module"] == "lamp"
    assert without["modules"] == []
    assert there["resource"] == "kcp-system/default-kyma-lamp"


def test_a_module_that_is_not_this_cluster_s_is_wrong_usage(shell):
    told = shell.document("enable", "eventing", code=2)

    assert told["error"]["message"] == "this cluster was made for module lamp, not eventing"
