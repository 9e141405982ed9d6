"""Modules that are broken are told by their cause, in the first line; in one run of pytest of its own."""

import json
import re

import pytest

pytestmark = pytest.mark.timeout(1200)
LAMP = r"Lamp kcp-system/default-kyma-lamp: "
MANIFEST = r"Manifest kcp-system/default-kyma-lamp: "
HELM = r"deployment\.yaml:\d+:\d+.* nil pointer evaluating interface \{\}\.name"
CAUSES = {
    "test_a_wrong_image": (
        r"Pod lamps/lamp-manager-\S+, container manager: its image \S+/nothing:1 cannot be pulled"
    ),
    "test_a_program_that_is_not_there": (
        r"Pod lamps/lamp-manager-\S+, container manager: it cannot be started \(StartError\): .*bin/manager"
    ),
    "test_an_image_that_only_the_manager_knows": (
        r"Pod lamps/bulb-\S+, container bulb: its image registry\.example\.com/bulb:2 cannot be pulled"
    ),
    "test_a_resource_that_is_never_ready": (
        LAMP + r"its state is Processing for \d+ s, which Deployment lamps/lamp-manager serves; "
        r"lamp-manager logged last: waiting for the light"
    ),
    "test_a_finalizer_that_hangs": (
        LAMP + r"it is being deleted for \d+ s and held by the finalizer example\.com/lamp, which Deployment "
        r"lamps/lamp-manager serves; lamp-manager logged last: pass failed: .*the bulb is hot"
    ),
    "test_a_chart_that_does_not_render": MANIFEST + r"its state is Error.*" + HELM,
    "test_a_chart_that_does_not_render_as_up_enables_it": MANIFEST + r"its state is Error.*" + HELM,
    "test_a_registry_that_is_gone": MANIFEST
    + r"its state is Error, .*registry 127\.0\.0\.1:9 does not answer",
}
TIMED_OUT = {"test_a_resource_that_is_never_ready", "test_a_finalizer_that_hangs"}


@pytest.mark.parametrize("test", CAUSES)
def test_the_first_line_names_the_cause(breakages, test):
    first, *_ = (breakages.folder(test) / "failure.txt").read_text().splitlines()

    assert re.match(CAUSES[test], first), first


@pytest.mark.parametrize("test", CAUSES.keys() - TIMED_OUT)
def test_what_is_hopeless_is_given_up_before_its_time(breakages, test):
    assert re.search(r"gave up after [\d.]+ s of 60 s", breakages.data(test)["message"])


@pytest.mark.parametrize("test", CAUSES)
def test_the_summary_of_pytest_shows_the_cause(breakages, test):
    (line,) = [one for one in breakages.output.splitlines() if re.match(rf"FAILED \S+::{test} ", one)]

    assert re.match(CAUSES[test], line.partition(" - ")[2]), line


def test_what_cannot_be_removed_keeps_the_evidence_of_its_test(breakages):
    folder = breakages.folder("test_a_finalizer_that_hangs")

    assert json.loads((folder / "evidence.json").read_text())["phase"] == "call"
    assert list(folder.glob("objects/Manifest.*/*.yaml"))
    assert (folder / "teardown" / "failure.txt").is_file()
    assert (
        f"the test has failed before: {(folder / 'failure.txt').read_text().splitlines()[0]}"
        in breakages.output
    )


def test_a_wait_that_came_to_its_end_shows_what_waits_for_what(breakages):
    message = breakages.data("test_a_finalizer_that_hangs")["message"]

    assert re.search(
        r"what waits for what:\n.*Manifest kcp-system/default-kyma-lamp: it is being deleted .*\n.*└─ Lamp ",
        message,
    )


def test_no_failure_shows_objects_of_ours_or_stack_frames(breakages):
    assert " object at 0x" not in breakages.output
    assert "Traceback (most recent call last)" not in breakages.output
    assert 'File "' not in breakages.output
