"""A cluster whose set-up fails is looked into before it is taken down."""

import json
import re
import sys

import pytest
import yaml
from nested import environment

from kyma_harness.host.process import run
from kyma_harness.kyma.pair import BINARIES, MANIFESTS, builtin_pair

SUITE = "def test_the_kyma_is_there(kyma):\n    kyma.expect().to_have_state('Ready')\n"
BROKEN = "#!/bin/sh\necho there is no such flag >&2\nexit 2\n"


@pytest.fixture(scope="module")
def broken_managers(portal, tmp_path_factory):
    """Lifecycle managers that end as soon as they start."""
    folder = tmp_path_factory.mktemp("managers")
    objects = portal.call(builtin_pair("for their manifests")).objects
    for name in BINARIES:
        (folder / name).write_text(BROKEN)
    for name in MANIFESTS:
        (folder / name).write_text(yaml.safe_dump_all(objects))
    return folder


@pytest.fixture(scope="module")
def evidence(portal, tools, broken_managers, tmp_path_factory):
    """The folder that a run of one test leaves."""
    root = tmp_path_factory.mktemp("set-up")
    (root / "test_kyma.py").write_text(SUITE)
    options = ["-p", "no:cacheprovider", "--harness-provider=embedded", "--kyma=real", "--no-header"]
    argv = [sys.executable, "-m", "pytest", *options, f"--kyma-dist={broken_managers}", f"--rootdir={root}"]
    places = {"KYMA_HARNESS_CACHE": str(root / "cache"), "KYMA_HARNESS_STATE": str(root / "state")}
    own = environment(**places, HARNESS_TOOLS=str(tools.folder))
    done = portal.call(run([*argv, root], timeout=360, env=own, cwd=root, check=False))
    assert "1 error" in done.stdout, done.stdout
    (found,) = (root / ".harness-evidence").glob("test_*")
    return found


def test_the_first_line_names_what_kept_the_cluster_from_being_ready(evidence):
    first, *_ = (evidence / "failure.txt").read_text().splitlines()

    assert re.match(
        r"Pod kcp-system/lifecycle-manager\S+, container manager: it crashes .*exit code 2; "
        r"it wrote last: there is no such flag",
        first,
    )


def test_it_is_the_set_up_of_the_test_that_failed(evidence):
    assert json.loads((evidence / "evidence.json").read_text())["phase"] == "setup"


def test_the_logs_of_the_cluster_and_of_its_pods_are_kept(evidence):
    logs = [file.read_text() for file in evidence.glob("logs/kcp-system_lifecycle-manager*")]

    assert any("there is no such flag" in log for log in logs)
    assert (evidence / "cluster" / "kube-apiserver.log").stat().st_size > 0


def test_the_facts_say_which_managers_these_were(evidence, broken_managers):
    facts = (evidence / "facts.txt").read_text()

    assert f"lifecycle managers: real (from {broken_managers})" in facts
    assert "provider embedded (asked for)" in facts


def test_the_steps_tell_how_far_it_came(evidence):
    steps = (evidence / "steps.txt").read_text()

    assert re.search(r"✓ +cluster$", steps, re.MULTILINE)
    assert re.search(r"✗ +lifecycle managers$", steps, re.MULTILINE)
