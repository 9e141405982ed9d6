"""What counts: what is asked for now, or what the cluster was made with. Decided once, from both alone."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.kyma.choices import Choice
from kyma_harness.session.options import RECORD, Settings
from kyma_harness.session.record import Record, RecordFile
from kyma_harness.session.setup import resolve

USUAL = Path("/here/module.yaml")
ASKED = Settings(module=USUAL, cache=Path("/cache"), state=Path("/state"))
MADE = replace(
    ASKED,
    module=Path("/lamp/module.yaml"),
    kyma_dist=Path("/managers"),
    options=ProviderOptions(context="theirs", kubeconfig=Path("/theirs")),
)
RECORDED = Record.of(MADE, provider="existing", kyma="real", fingerprint={})


def decided(recorded=RECORDED, **asked):
    return resolve(replace(ASKED, **asked), recorded, usual=USUAL)


@pytest.mark.parametrize(
    ("recorded", "asked", "provider", "reason"),
    [
        (None, {}, "auto", ""),
        (None, {"provider": "k3d"}, "k3d", "asked for"),
        (RECORDED, {}, "existing", "as it runs"),
        (RECORDED, {"provider": "existing"}, "existing", "as it runs"),
        (RECORDED, {"provider": "k3d"}, "k3d", "asked for"),
        (RECORDED, {"keep": True}, "existing", "as it runs"),
    ],
)
def test_a_cluster_that_runs_has_its_provider_unless_another_is_asked_for(recorded, asked, provider, reason):
    found = decided(recorded, **asked)

    assert (found.settings.provider, found.reason) == (provider, reason)


@pytest.mark.parametrize(
    ("asked", "field", "meant"),
    [
        ({}, "kyma", Choice.REAL),
        ({"kyma": Choice.BUILTIN}, "kyma", Choice.BUILTIN),
        ({}, "kyma_dist", Path("/managers")),
        ({"kyma_dist": Path("/mine")}, "kyma_dist", Path("/mine")),
        ({}, "module", Path("/lamp/module.yaml")),
        ({"module": Path("/mine/module.yaml")}, "module", Path("/mine/module.yaml")),
        ({}, "options", MADE.options),
        ({"options": ProviderOptions(context="mine")}, "options", ProviderOptions(context="mine")),
    ],
)
def test_what_is_not_said_is_what_the_cluster_was_made_with_and_what_is_said_counts(asked, field, meant):
    assert getattr(decided(**asked).settings, field) == meant


def test_a_cluster_that_tests_keep_has_to_be_what_is_asked_for_now():
    found = decided(keep=True).settings

    assert found == replace(ASKED, keep=True, provider="existing")


def test_without_a_cluster_what_is_asked_for_is_what_counts():
    assert decided(None, kyma=Choice.REAL).settings == replace(ASKED, kyma=Choice.REAL)


@pytest.fixture
def file(tmp_path):
    return RecordFile(replace(ASKED, state=tmp_path))


@pytest.fixture
def readings():
    """How often the file was read since the test began."""
    seen, listening = [], [True]

    def hear(event, args):
        if listening and event == "open" and str(args[0]).endswith(RECORD) and args[1] == "r":
            seen.append(args[0])

    sys.addaudithook(hear)
    yield seen
    listening.clear()


def test_a_record_is_read_once_however_often_it_is_asked_for(file, tmp_path, readings):
    RECORDED.write(replace(ASKED, state=tmp_path))

    assert [file.now(), file.now(), file.claim()] == [RECORDED, RECORDED, RECORDED.claim]
    assert len(readings) == 1


def test_who_has_written_a_record_need_not_read_it(file, readings):
    assert file.now() is None

    file.write(RECORDED)

    assert file.now() == RECORDED
    assert readings == []


def test_what_somebody_else_has_written_since_is_seen(file, tmp_path):
    file.write(RECORDED)
    theirs = replace(RECORDED, claim="theirs")

    theirs.write(replace(ASKED, state=tmp_path))

    assert file.now() == theirs


def test_a_record_that_is_gone_is_no_more(file, tmp_path):
    file.write(RECORDED)

    RECORDED.forget(replace(ASKED, state=tmp_path))

    assert file.now() is None
    assert file.claim() == ""
