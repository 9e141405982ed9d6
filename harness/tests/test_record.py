"""Later commands need not be told what a cluster was made with."""

from pathlib import Path

from harness.record import Record
from harness.settings import from_environment


def test_what_is_not_said_again_is_what_the_cluster_was_made_with(tmp_path):
    places = {"KYMA_HARNESS_STATE": str(tmp_path)}
    made = from_environment(places, module=Path("/lamp/module.yaml"), kyma_dist=Path("/managers"))
    record = Record.of(made, provider="embedded", kyma="real", fingerprint={})
    record.write(made)

    later = from_environment(places)
    filled = Record.read(later).fill_in(later)

    assert (filled.provider, filled.kyma, filled.module) == ("embedded", "real", Path("/lamp/module.yaml"))
    assert filled.kyma_dist == Path("/managers")


def test_what_is_said_counts(tmp_path):
    places = {"KYMA_HARNESS_STATE": str(tmp_path)}
    made = from_environment(places, kyma_dist=Path("/managers"))
    record = Record.of(made, provider="embedded", kyma="real", fingerprint={})

    later = from_environment(places, module=Path("/other/module.yaml"), kyma_dist=Path("/other"))

    assert record.fill_in(later).module == Path("/other/module.yaml")
    assert record.fill_in(later).kyma_dist == Path("/other")
