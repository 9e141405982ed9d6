"""What a session of pytest may be asked for, in runs of pytest of their own."""

import sys
from types import SimpleNamespace

import pytest
from nested import environment

from kyma_harness.host.process import run
from kyma_harness.pytest.asked import kept_name


@pytest.fixture
def ask(portal, tmp_path):
    """Run a test that needs no cluster, with these options."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n")

    def ask(*options: str):
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, tmp_path]
        environ = environment(KYMA_HARNESS_STATE=str(tmp_path / "state"))
        return portal.call(run(argv, timeout=120, cwd=tmp_path, env=environ, check=False))

    return ask


@pytest.mark.parametrize("name", ["", "..", "/home/me"])
def test_what_cannot_be_a_cluster_s_name_is_refused_before_anything_begins(ask, name):
    done = ask(f"--harness-cluster={name}")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"{name!r} cannot be a cluster's name: give --cluster" in done.stderr


def test_a_session_ends_well_where_nobody_can_read_what_the_kept_cluster_was_made_for(ask, tmp_path):
    kept = tmp_path / "state" / "clusters" / kept_name(SimpleNamespace(rootpath=tmp_path))
    kept.mkdir(parents=True)
    (kept / "testbed.json").write_text("{}")

    done = ask("--harness-keep")

    assert done.returncode == pytest.ExitCode.OK, done.stdout
