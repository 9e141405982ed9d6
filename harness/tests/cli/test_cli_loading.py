"""Help and completion load the words that they show, and no cluster."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import kyma_harness
from kyma_harness.cli.commands import Commands
from kyma_harness.cli.completion import SHELLS
from kyma_harness.wait.eventually import eventually

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
    "kyma_harness.kyma.contract",
    "kyma_harness.kyma.deploy",
    "kyma_harness.kyma.module",
    "kyma_harness.kyma.pair",
    "kyma_harness.session.lifetime",
    "kyma_harness.session.record",
    "kyma_harness.session.setup",
}
RUNNING = """\
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from kyma_harness.__main__ import main
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

    assert "kyma_harness.session.leftovers" in loaded


def test_who_presses_ctrl_c_while_a_command_is_being_imported_sees_no_traceback():
    def interrupted():
        raise KeyboardInterrupt

    group = Commands("kyma-harness", callback=lambda: None)
    group.sections["Slow"] = {"slow": SimpleNamespace(summary="", load=interrupted)}

    done = CliRunner().invoke(group, ["slow"])

    assert done.exit_code == 130
    assert done.stderr == "interrupted\n"


def test_who_presses_ctrl_c_while_the_program_is_being_imported_sees_no_traceback(tmp_path):
    slow = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)\n"
    (tmp_path / "click.py").write_text(slow)
    with subprocess.Popen(
        [sys.executable, "-m", "kyma_harness", "--help"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        try:
            eventually((tmp_path / "begun").exists, "it imports", within=60)

            program.send_signal(signal.SIGINT)

            assert program.communicate(timeout=60) == ("", "")
            assert program.returncode == 130
        finally:
            program.kill()
