"""What `kyma-harness doctor` says on a machine without Docker."""

import os
import sys

import pytest
from eventually import PATIENCE

from kyma_harness.host.process import run


@pytest.fixture(scope="module")
def ask(portal):
    """Run doctor where nobody answers for Docker, and no kubeconfig is set."""

    def ask(*options, code=0, **changes):
        command = [sys.executable, "-m", "kyma_harness", "doctor", *options]
        environ = os.environ | {"DOCKER_HOST": "tcp://127.0.0.1:1", "KUBECONFIG": os.devnull} | changes
        done = portal.call(run(command, timeout=PATIENCE, env=environ, check=False))
        assert done.returncode == code, done.stderr
        return done

    return ask


def test_every_provider_is_listed_with_all_that_it_lacks(ask):
    lines = ask().stderr.splitlines()

    assert lines[0].startswith("✓ embedded  neither Docker nor root")
    assert "a root of their own" in lines[0] or "mount paths are rewritten" in lines[0]
    existing = next(number for number, line in enumerate(lines) if line.startswith("✗ existing"))
    assert "there is none in your kubeconfig" in lines[existing]
    assert lines[existing + 1].startswith("            - name a registry")
    assert "Without --provider it is embedded, as k3d cannot run here." in lines


def test_no_provider_with_containers_is_an_empty_answer(ask):
    done = ask("--containers")

    assert done.stdout.strip() == ""
    assert "✗ kind      no Docker daemon answers at tcp://127.0.0.1:1" in done.stderr


def test_k3d_is_asked_once(ask, tmp_path):
    (tmp_path / "k3d").write_text(f"#!/bin/sh\necho asked >> {tmp_path}/calls\necho 'k3d version v5.9.0'\n")
    (tmp_path / "k3d").chmod(0o755)

    ask(PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert (tmp_path / "calls").read_text() == "asked\n"


@pytest.mark.parametrize("option", ["--provider=kind", "--image=auto", "--build-args=A=B", "--kind-config=a"])
def test_what_makes_no_difference_to_what_can_run_is_wrong_usage(ask, option):
    done = ask(option, code=2)

    assert "No such option" in done.stderr
