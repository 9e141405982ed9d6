"""Help and completion load the words that they show, and no cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import kyma_harness
from kyma_harness.cli.completion import SHELLS
from kyma_harness.cli.grammar import Commands

LAMP = Path(kyma_harness.__file__).parent / "examples" / "lamp" / "module.yaml"
HEAVY = {
    "aiohttp",
    "asyncio",
    "cryptography",
    "docker",
    "jinja2",
    "jsonschema",
    "kubeloop",
    "kubernetes",
    "psutil",
    "pytest",
    "requests",
    "rich",
    "ssl",
    "tenacity",
    "trustme",
    "kyma_harness.clusters.docker",
    "kyma_harness.kyma",
    "kyma_harness.session.lifetime",
    "kyma_harness.session.record",
    "kyma_harness.session.setup",
}
RUNNING = """\
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from kyma_harness.cli import main
main()
"""


@pytest.fixture
def ended(state):
    """Run the program, and return what it said and what it had loaded in the end."""

    def call(*words, **environment):
        done = subprocess.run(
            [sys.executable, "-c", RUNNING, *words],
            env=os.environ | {"KYMA_HARNESS_MODULE": str(LAMP)} | environment,
            check=False,
            text=True,
            capture_output=True,
            timeout=60,
        )
        *_, loaded = done.stderr.splitlines()
        return done.stdout, set(json.loads(loaded))

    return call


def completing(words, at):
    return {"_KYMA_HARNESS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}


@pytest.mark.parametrize(
    "words",
    [("--help",), ("-h",), ("up", "--help"), ("status", "--help"), ("example", "--help"), ("--version",)],
    ids=" ".join,
)
def test_help_loads_no_cluster(ended, words):
    said, loaded = ended(*words)

    assert HEAVY & loaded == set()
    assert said


@pytest.mark.parametrize(
    ("line", "at", "offered"),
    [
        ("kyma-harness sta", 1, "status"),
        ("kyma-harness --clu", 1, "--cluster"),
        ("kyma-harness down --clu", 2, "--cluster"),
        ("kyma-harness down --cluster ", 3, "dark"),
        ("kyma-harness up --prov", 2, "--provider"),
        ("kyma-harness up --provider emb", 3, "embedded"),
        ("kyma-harness up --until ", 3, "managers"),
        ("kyma-harness --cluster ", 2, "dark"),
        ("kyma-harness enable ", 2, "lamp"),
        ("kyma-harness verify --out", 2, "--output"),
    ],
)
def test_completion_loads_no_cluster(ended, state, line, at, offered):
    (state / "clusters" / "dark").mkdir(parents=True)

    said, loaded = ended(**completing(line, at))

    assert HEAVY & loaded == set()
    assert offered in said


@pytest.mark.parametrize("shell", SHELLS)
def test_what_makes_a_shell_complete_loads_no_cluster(ended, shell):
    said, loaded = ended("completion", shell)

    assert (HEAVY - {"asyncio", "ssl"}) & loaded == set()
    assert "_KYMA_HARNESS_COMPLETE" in said


def test_a_command_loads_what_it_needs_when_it_is_called(ended):
    _, loaded = ended("status")

    assert "kyma_harness.session.leftovers.census" in loaded


def test_who_presses_ctrl_c_while_a_command_is_being_imported_sees_no_traceback():
    def interrupted():
        raise KeyboardInterrupt

    group = Commands("kyma-harness", callback=lambda: None)
    group.sections["Slow"] = {"slow": SimpleNamespace(summary="", load=interrupted)}

    done = CliRunner().invoke(group, ["slow"])

    assert done.exit_code == 130
    assert done.stderr == "interrupted\n"
