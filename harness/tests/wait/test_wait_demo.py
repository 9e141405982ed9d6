"""Tests that fail on purpose, in a real cluster: what their reports say, and what is kept of them."""

import re

import pytest
import yaml
from browser import new_page

pytestmark = pytest.mark.timeout(900)

MAIN = r"Pod \S+/web\S*, container main: "
CAUSES = {
    "test_a_wrong_image": MAIN + r"its image ghcr\.io/nobody/nothing:1 cannot be pulled",
    "test_a_crash_loop": MAIN + r"it crashes .*exit code 3; it wrote last: no such backend",
    "test_a_missing_secret": MAIN + r'it cannot be started .*"absent" not found',
    "test_a_pod_no_node_can_take": r"Pod \S+/web: it cannot be scheduled: .*Insufficient cpu",
    "test_a_hanging_finalizer": (
        r"Lamp \S+/kitchen: it is being deleted and held by the finalizer demo\.kyma-harness\.io/lamp, "
        r"which nobody serves: Deployment lamps/lamp-manager does not exist"
    ),
    "test_a_finalizer_nobody_knows": r"ConfigMap \S+/shelf: .*example\.com/unheard-of, and nobody is known",
    "test_a_resource_in_error": r"Lamp \S+/kitchen: its state is Error, BulbBurnt: no light since noon",
    "test_a_missing_definition": r"the API server knows no kind Lamp .*Definition is not installed",
    "test_a_slow_api": r"the API server http://127\.0\.0\.1:\d+ has not answered for \d+\.\d s",
    "test_a_state_that_is_only_late": r"Lamp \S+/kitchen did not come to have state Ready .*Processing",
    "test_a_plain_assertion": r"AssertionError: assert {'key': '<redacted>'} == {}",
    "test_a_set_up_that_fails": MAIN + r"its image ghcr\.io/nobody/nothing:2 cannot be pulled",
}
HOPELESS = [name for name in CAUSES if not name.endswith(("late", "assertion", "knows", "definition", "api"))]


@pytest.mark.parametrize("test", CAUSES)
def test_the_first_line_of_a_report_names_the_cause(demonstration, test):
    first, *_ = (demonstration.folder(test) / "failure.txt").read_text().splitlines()

    assert re.match(CAUSES[test], first), first


@pytest.mark.parametrize("test", HOPELESS)
def test_what_is_hopeless_is_given_up_before_its_time(demonstration, test):
    assert re.search(r"gave up after [\d.]+ s of 60 s", demonstration.data(test)["message"])


def test_every_failing_test_of_the_demonstration_is_expected(demonstration):
    folders = {
        folder.name.rpartition("-")[0] for folder in demonstration.evidence.iterdir() if folder.is_dir()
    }

    assert folders == set(CAUSES)


def test_pytest_says_where_the_evidence_is_and_how_to_run_it_again(demonstration):
    folder = demonstration.folder("test_a_plain_assertion")

    assert str(folder) in demonstration.output
    assert "failing.py::test_a_plain_assertion" in (folder / "rerun.sh").read_text()
    assert (demonstration.evidence / "report.html").as_uri() in demonstration.output


def test_evidence_is_gathered_before_anything_is_cleaned_up(demonstration):
    (file,) = demonstration.folder("test_a_plain_assertion").glob("objects/Deployment.apps/*_web.yaml")

    deployment = yaml.safe_load(file.read_text())

    assert deployment["status"]["availableReplicas"] == 1
    assert "managedFields" not in deployment["metadata"]


def test_the_log_of_a_healthy_pod_is_kept_too(demonstration):
    (log,) = demonstration.folder("test_a_plain_assertion").glob("logs/*_web-*_main.log")

    assert log.read_text().endswith(" serving\n")


def test_no_file_of_the_evidence_holds_a_secret(demonstration):
    files = [file for file in demonstration.folder("test_a_plain_assertion").rglob("*") if file.is_file()]
    texts = {file.name: file.read_text() for file in files}
    texts["report.html"] = (demonstration.evidence / "report.html").read_text()

    assert "&lt;redacted&gt;" in texts["report.html"]
    assert any(name.endswith("_door.yaml") for name in texts)
    assert not [name for name, text in texts.items() if "b3BlbiBzZXNhbWU" in text or "open sesame" in text]


def test_the_timeline_tells_what_the_pod_went_through(demonstration):
    transitions = demonstration.data("test_a_plain_assertion")["transitions"]

    words = [one["word"] for one in transitions if one["kind"] == "Pod" and "web-" in one["name"]]

    assert words[0] == "Pending"
    assert words[-1] == "Ready"


def test_the_ledger_has_set_up_test_and_waits(demonstration):
    steps = {
        one["name"].partition(" demo-")[0]: one for one in demonstration.data("test_a_crash_loop")["steps"]
    }

    assert steps["set-up"]["ok"]
    assert not steps["test"]["ok"]
    assert not steps["wait for Deployment"]["ok"]


def test_a_failed_set_up_is_said_to_be_one(demonstration):
    assert demonstration.data("test_a_set_up_that_fails")["phase"] == "setup"


async def test_the_report_opens_in_a_browser_without_a_complaint(demonstration, tmp_path):
    report = (demonstration.evidence / "report.html").as_uri()

    async with new_page(tmp_path) as page:
        await page.open(report)
        verdict = await page.evaluate("document.querySelector('.verdict').innerText")
        causes = await page.evaluate("[...document.querySelectorAll('nav .why')].map(one => one.innerText)")
        drawings = await page.names("image")

    assert verdict == f"{len(CAUSES)} failed"
    assert all(re.match(cause, seen) for cause, seen in zip(CAUSES.values(), causes, strict=True))
    assert len(drawings) >= 2 * (len(CAUSES) - 2)
    assert page.complaints == []
    assert page.requests == [report]
