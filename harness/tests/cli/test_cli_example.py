"""The example is a folder of its own, that can be looked at, packed and run."""

import pytest

from kyma_harness.cli.example import LAMP, TargetError, write_example
from kyma_harness.kyma.module import Module


def test_it_has_all_that_a_module_has_and_a_test(tmp_path):
    write_example(tmp_path / "deep" / "lamp")

    written = tmp_path / "deep" / "lamp"
    module = Module.load(written / "module.yaml")
    assert module.chart.is_relative_to(written)
    assert module.rules.is_relative_to(written)
    assert {path.name for path in written.iterdir()} == {
        path.name for path in LAMP.iterdir() if path.name != "__pycache__"
    }
    assert (written / "test_lamp.py").exists()


def test_an_empty_folder_will_do(tmp_path):
    write_example(tmp_path)

    assert (tmp_path / "module.yaml").exists()


def test_nothing_that_is_there_is_written_over(tmp_path):
    (tmp_path / "module.yaml").write_text("mine\n")

    with pytest.raises(TargetError, match=r"is not empty: name a folder"):
        write_example(tmp_path)

    assert (tmp_path / "module.yaml").read_text() == "mine\n"


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(TargetError, match="file/lamp cannot be written: Not a directory"):
        write_example(tmp_path / "file" / "lamp")
