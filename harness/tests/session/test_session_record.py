"""Later commands need not be told what a cluster was made with."""

import json
from pathlib import Path

import pytest

from kyma_harness.clusters.errors import MismatchError, RecordError
from kyma_harness.session.leftovers import Condition, census
from kyma_harness.session.options import default_module, from_environment, own_module
from kyma_harness.session.record import Record
from kyma_harness.session.setup import resolve


def test_what_is_not_said_again_is_what_the_cluster_was_made_with(tmp_path):
    places = {"KYMA_HARNESS_STATE": str(tmp_path)}
    made = from_environment(places, module=Path("/lamp/module.yaml"), kyma_dist=Path("/managers"))
    record = Record.of(made, provider="embedded", kyma="real", fingerprint={})
    record.write(made)

    later = from_environment(places)
    filled = resolve(later, Record.read(later), usual=later.module).settings

    assert (filled.provider, filled.kyma, filled.module) == ("embedded", "real", Path("/lamp/module.yaml"))
    assert filled.kyma_dist == Path("/managers")


def test_what_is_said_counts(tmp_path):
    places = {"KYMA_HARNESS_STATE": str(tmp_path)}
    made = from_environment(places, kyma_dist=Path("/managers"))
    record = Record.of(made, provider="embedded", kyma="real", fingerprint={})

    later = from_environment(places, module=Path("/other/module.yaml"), kyma_dist=Path("/other"))

    filled = resolve(later, record, usual=made.module).settings

    assert filled.module == Path("/other/module.yaml")
    assert filled.kyma_dist == Path("/other")


def here(asked, record):
    """Return what counts in the folder that one is in."""
    folder = Path.cwd()
    return resolve(asked, record, usual=default_module(folder), own=own_module(folder)).settings


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    """Go into a folder that has a module of its own, and return that one's file."""
    folder = tmp_path / "torch"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "module.yaml").touch()
    return folder / "module.yaml"


def a_record_of(module, tmp_path):
    made = from_environment({}, state=tmp_path, module=module)
    return Record.of(made, provider="embedded", kyma="real", fingerprint={})


@pytest.mark.parametrize("named", [None, Path("module.yaml")], ids=["not named", "named"])
def test_the_module_of_this_folder_does_not_lose_to_another_in_silence(tmp_path, in_a_folder, named):
    record = a_record_of(Path("/lamp/module.yaml"), tmp_path)

    with pytest.raises(MismatchError, match=rf"made with /lamp/module.yaml, .* {in_a_folder}: name"):
        here(from_environment({}, state=tmp_path, module=named), record)


def test_in_a_folder_with_a_module_another_one_may_be_named(tmp_path, in_a_folder):
    record = a_record_of(Path("/lamp/module.yaml"), tmp_path)
    asked = from_environment({}, state=tmp_path, module=Path("/lamp/module.yaml"))

    assert here(asked, record).module == Path("/lamp/module.yaml")


def test_the_module_of_this_folder_is_the_cluster_s_by_whichever_way_it_was_named(tmp_path, in_a_folder):
    record = a_record_of(Path("../torch/module.yaml"), tmp_path)

    assert here(from_environment({}, state=tmp_path), record).module == in_a_folder


@pytest.mark.parametrize(
    ("has", "meant"),
    [
        (["here/module.yaml"], "here/module.yaml"),
        (["here/module.yaml", "checkout/module/module.yaml"], "here/module.yaml"),
        (["checkout/module/module.yaml"], "checkout/module/module.yaml"),
        ([], "here/module.yaml"),
    ],
)
def test_without_a_word_the_module_of_this_folder_is_meant_or_that_of_the_checkout(tmp_path, has, meant):
    for name in has:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()

    assert default_module(tmp_path / "here", checkout=tmp_path / "checkout") == tmp_path / meant


def a_record_with(state, text=None, **changes):
    """Write what a version before or after this one may have written."""
    settings = from_environment({}, state=state)
    Record.of(settings, provider="embedded", kyma="real", fingerprint={}).write(settings)
    file = settings.cluster_state / "testbed.json"
    file.write_text(text or json.dumps(json.loads(file.read_text()) | changes))
    return settings


def test_what_only_another_version_knows_is_left_out(tmp_path):
    settings = a_record_with(tmp_path, weather="fine", options={"node_image": "k3s", "weather": "fine"})

    found = Record.read(settings)

    assert found.provider == "embedded"
    assert found.options == {"node_image": "k3s"}


@pytest.mark.parametrize("broken", [{"text": "{"}, {"text": "[]"}, {"kyma": "third"}, {"options": 7}])
def test_what_makes_no_sense_is_told_with_its_file_and_what_to_do(tmp_path, broken):
    settings = a_record_with(tmp_path, **broken)

    with pytest.raises(RecordError, match=r"clusters/kyma/testbed\.json does not say .*: remove that file"):
        Record.read(settings)


def test_the_other_clusters_are_told_of_all_the_same(tmp_path):
    a_record_with(tmp_path, text="{}")
    other = from_environment({}, state=tmp_path, cluster="other")
    Record.of(other, provider="k3d", kyma="real", fingerprint={}).write(other)

    found = {one.name: (one.condition, one.provider) for one in census(other)}

    assert found == {"kyma": (Condition.UNKNOWN, "unknown"), "other": (Condition.STAYS, "k3d")}


def test_a_module_is_the_same_one_whichever_way_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "mod").mkdir()
    (tmp_path / "suite").mkdir()
    monkeypatch.chdir(tmp_path / "suite")
    by_path = from_environment({}, state=tmp_path, module=tmp_path / "mod" / "module.yaml")
    by_way = from_environment({}, state=tmp_path, module=Path("../mod/module.yaml"))
    records = [Record.of(one, provider="embedded", kyma="real", fingerprint={}) for one in (by_path, by_way)]

    records[0].check(records[1], "kyma")

    assert by_way.module == by_path.module


def test_what_an_older_version_has_spelt_otherwise_is_the_same(tmp_path):
    settings = a_record_with(tmp_path, module=f"{tmp_path}/suite/../mod/module.yaml")
    now = from_environment({}, state=tmp_path, module=tmp_path / "mod" / "module.yaml")

    Record.read(settings).check(Record.of(now, provider="embedded", kyma="real", fingerprint={}), "kyma")


def test_paths_of_pytest_begin_where_it_was_run(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    found = from_environment({}, base=tmp_path, state=tmp_path, module=Path("mod/module.yaml"))

    assert found.module == tmp_path / "mod" / "module.yaml"
