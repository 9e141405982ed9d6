"""A shell completes what is there."""

import shutil
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from eventually import PATIENCE

from kyma_harness.cli import commands, example
from kyma_harness.cli.completion import SHELLS
from kyma_harness.host.process import run
from kyma_harness.session.options import from_environment
from kyma_harness.session.record import Record

LAMP = example.LAMP / "module.yaml"


@pytest.fixture
def complete(state):
    """Return what is offered after these words for a beginning."""

    def call(*words: str, beginning: str = "") -> list[str]:
        shell = ShellComplete(commands, {}, "kyma-harness", "_KYMA_HARNESS_COMPLETE")
        return [one.value for one in shell.get_completions(list(words), beginning)]

    return call


def a_cluster(name, **chosen):
    settings = from_environment(cluster=name, **chosen)
    Record.of(settings, provider="embedded", kyma="builtin", fingerprint={}).write(settings)


def test_commands_are_completed(complete):
    assert complete(beginning="st") == ["status"]


def test_clusters_are_those_that_are_here(complete):
    a_cluster("one")
    a_cluster("other")

    assert complete("--cluster", beginning="o") == ["one", "other"]


def test_the_values_of_the_switch_are_the_module_s(complete):
    assert complete("switch") == ["nats", "eventmesh"]
    assert complete("switch", beginning="e") == ["eventmesh"]


def test_the_module_is_the_one_that_the_cluster_was_made_for(complete):
    a_cluster("dark", module=LAMP)

    assert complete("enable") == ["eventing"]
    assert complete("--cluster", "dark", "enable") == ["lamp"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_is_told_how_to_ask(kyma_harness, shell):
    said = kyma_harness("completion", shell)

    assert said.code == 0
    assert f"_KYMA_HARNESS_COMPLETE={shell}_complete" in said.out


def test_bash_takes_the_script_and_completes(kyma_harness, portal, tmp_path):
    bash = shutil.which("bash")
    assert bash, "bash is everywhere that make is"
    program = Path(sys.executable).with_name("kyma-harness")
    script = tmp_path / "completion.bash"
    script.write_text(
        kyma_harness("completion", "bash").out
        + f"COMP_WORDS=(kyma-harness sta); COMP_CWORD=1; _kyma_harness_completion {program}\n"
        + 'echo "offered: ${COMPREPLY[*]}"\n'
    )

    done = portal.call(run([bash, "--norc", script], timeout=PATIENCE))

    assert "offered: status" in done.stdout
