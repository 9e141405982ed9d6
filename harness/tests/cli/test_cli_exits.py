"""Exit codes and errors: the same for people and for scripts."""

import click
import pytest

from kubeloop.errors import ControllerError
from kyma_harness.cli.output import Exit
from kyma_harness.clusters.errors import NotRunningError, ProviderUnavailableError
from kyma_harness.embedded.errors import ClusterStartError
from kyma_harness.host.descendants import MARKER
from kyma_harness.host.errors import CommandError, HarnessError, LockHeldError
from kyma_harness.wait.waits import WaitError

STARTS = "`kyma-harness --cluster kyma up` starts it"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (HarnessError("no"), 1),
        (ControllerError("no"), 1),
        (WaitError("it crashes", None), 1),
        (click.UsageError("no"), 2),
        (NotRunningError("no"), 3),
        (WaitError("it did not come", None, timed_out=True), 4),
        (LockHeldError("it is held"), 4),
        (ClusterStartError("it is not ready after 60 s", timed_out=True), 4),
        (ClusterStartError("it ended at its start"), 1),
        (CommandError("it did not finish within 5 s", timed_out=True), 4),
        (CommandError("it failed", returncode=2), 1),
        (ProviderUnavailableError("no"), 5),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_each_kind_of_failure_has_its_code(failure, code):
    assert Exit.of(failure) == code


def test_a_cluster_that_does_not_run_is_told_in_a_sentence(kyma_harness):
    said = kyma_harness("enable")

    assert said.code == 3
    assert said.out == ""
    assert said.err == f"error: cluster kyma is not running: {STARTS}\n"


@pytest.mark.parametrize("words", [("--output", "json"), ("--output=json",), ("-o", "json"), ("-ojson",)])
def test_a_script_gets_the_error_as_json(kyma_harness, words):
    said = kyma_harness("enable", *words)

    message = f"cluster kyma is not running: {STARTS}"
    assert said.code == 3
    assert said.document == {"error": {"type": "not-running", "message": message, "remedy": STARTS}}


def test_a_script_gets_what_is_wrong_with_its_command_line_as_json_too(kyma_harness):
    said = kyma_harness("enable", "--output", "json", "--chanel", "fast")

    assert said.code == 2
    assert said.document["error"]["type"] == "usage"
    assert "--chanel" in said.document["error"]["message"]


def test_an_unknown_command_is_wrong_usage(kyma_harness):
    said = kyma_harness("enabel")

    assert said.code == 2
    assert "No such command 'enabel'" in said.err


def test_status_of_nothing_is_an_answer_with_an_exit_code(kyma_harness):
    said = kyma_harness("--cluster", "two", "status", "-o", "json")

    assert said.code == 3
    assert said.document == {"cluster": "two", "running": False, "clusters": []}


def test_taking_away_what_is_not_there_is_no_failure(kyma_harness):
    said = kyma_harness("down", "-o", "json")

    assert said.code == 0
    assert said.document == {"cluster": "kyma", "was_running": False}


def test_a_name_in_brackets_is_printed_as_it_is(kyma_harness):
    assert "error: '[red]' cannot be a cluster's name" in kyma_harness("--cluster", "[red]", "verify").err


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "One", "-a", "a-", "a" * 33])
@pytest.mark.parametrize("command", ["down", "status", "up"])
def test_what_cannot_be_a_cluster_s_name_is_wrong_usage_and_nothing_is_touched(
    kyma_harness, state, command, name
):
    beside = state / "clusters" / "beside" / "lock"
    beside.parent.mkdir(parents=True)
    beside.touch()

    said = kyma_harness("--cluster", name, command, "--output", "json")

    assert said.code == 2
    assert said.document["error"]["type"] == "usage"
    assert said.document["error"]["message"].startswith(
        f"{name!r} cannot be a cluster's name: give --cluster"
    )
    assert beside.exists()


@pytest.mark.parametrize("command", ["status", "down"])
def test_a_cluster_of_which_another_version_has_written_is_told_of_in_a_sentence(
    kyma_harness, state, command
):
    record = state / "clusters" / "kyma" / "testbed.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")

    said = kyma_harness(command)

    assert said.code == 1
    assert f"error: {record} does not say what cluster kyma was made for" in said.err


def test_a_name_from_the_environment_is_checked_too(kyma_harness, monkeypatch, tmp_path):
    monkeypatch.setenv("KYMA_HARNESS_CLUSTER", str(tmp_path))

    assert kyma_harness("down").code == 2


def test_below_a_supervisor_its_mark_is_not_taken_for_a_name(kyma_harness, monkeypatch, tmp_path):
    monkeypatch.setenv(MARKER, str(tmp_path))

    assert kyma_harness("status", "--output", "json").document["cluster"] == "kyma"


def test_a_folder_in_a_cluster_s_place_that_is_none_of_ours_is_not_removed(kyma_harness, state):
    notes = state / "clusters" / "kyma" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.touch()

    said = kyma_harness("down")

    assert said.code == 1
    assert "clusters/kyma is not removed, as it has notes.txt and nothing of a cluster" in said.err
    assert notes.exists()


def test_a_folder_that_is_none_of_ours_stays_where_it_is_collected_what_dead_runs_left(kyma_harness, state):
    notes = state / "clusters" / "kyma" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.touch()

    said = kyma_harness("gc", "--output", "json")

    assert "has notes.txt and nothing of a cluster" in said.document["kept"][0]["problem"]
    assert notes.exists()


@pytest.mark.parametrize(
    "words", [("--cluster", "two", "enable"), ("enable", "--cluster", "two"), ("enable", "--cluster=two")]
)
def test_an_option_of_all_commands_may_stand_on_either_side_of_the_command(kyma_harness, words):
    said = kyma_harness(*words)

    assert said.code == 3
    assert "cluster two is not running" in said.err


def test_of_an_option_that_is_given_twice_the_later_one_counts(kyma_harness):
    said = kyma_harness("--cluster", "one", "down", "--cluster", "two")

    assert "cluster two was not running" in said.err


def test_what_cannot_be_a_cluster_s_name_is_refused_behind_the_command_too(kyma_harness):
    said = kyma_harness("down", "--cluster", "../two")

    assert said.code == 2
    assert "'../two' cannot be a cluster's name" in said.err
