"""What a cluster is made of, and how a difference is told."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from kyma_harness.cli.example import LAMP
from kyma_harness.clusters.errors import MismatchError
from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import builtin_pair
from kyma_harness.session.fingerprint import differences, fingerprint
from kyma_harness.session.options import Settings, from_environment
from kyma_harness.session.record import Record
from kyma_harness.toolchain.toolchain import ToolPaths


def a_toolbox(folder: Path, version: str = "1") -> ToolPaths:
    """Links to tools, as the toolchain makes them."""
    tool = folder / f"etcd-{version}" / "etcd"
    tool.parent.mkdir(parents=True)
    tool.touch()
    links = folder / f"set-{version}"
    links.mkdir()
    (links / "etcd").symlink_to(tool)
    return ToolPaths(folder=links)


def a_lamp(folder: Path) -> Module:
    shutil.copytree(LAMP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return Module.load(folder / "module.yaml")


async def a_run(folder: Path, **changes):
    parts = {
        "provider": "embedded",
        "options": ProviderOptions(),
        "managers": await builtin_pair("asked for"),
        **changes,
    }
    return fingerprint(
        **{"tools": a_toolbox(folder / "tools"), "module": a_lamp(folder / "lamp"), **parts},
    )


async def test_the_same_things_have_the_same_fingerprint_wherever_they_lie(tmp_path: Path) -> None:
    assert differences(await a_run(tmp_path / "a"), await a_run(tmp_path / "b")) == []


async def test_another_version_of_a_tool_is_named(tmp_path: Path) -> None:
    newer = a_toolbox(tmp_path / "newer", version="2")

    told = differences(await a_run(tmp_path / "a"), await a_run(tmp_path / "b", tools=newer))

    assert told == ["tool etcd: was etcd-1, is now etcd-2"]


async def test_what_is_no_longer_or_not_yet_there_is_named(tmp_path: Path) -> None:
    chosen = ProviderOptions(context="k3d-mine")

    told = differences(await a_run(tmp_path / "a"), await a_run(tmp_path / "b", options=chosen))

    assert told == ["option context: was not there, is now k3d-mine"]


@pytest.mark.parametrize(
    ("file", "name"),
    [("chart/values.yaml", "module's bundle"), ("rules.yaml", "module's rules")],
)
async def test_a_changed_file_of_the_module_is_told_by_what_it_is_part_of(
    tmp_path: Path, file: str, name: str
) -> None:
    changed = a_lamp(tmp_path / "changed")
    path = tmp_path / "changed" / file
    path.write_text(f"{path.read_text()}\n# changed\n")

    told = differences(await a_run(tmp_path / "a"), await a_run(tmp_path / "b", module=changed))

    assert [line.partition(":")[0] for line in told] == [name]


async def test_another_rule_for_the_managers_is_named_by_its_file(tmp_path: Path) -> None:
    pair = await builtin_pair("asked for")
    other = tmp_path / "builtin.yaml"
    other.write_text("[]\n")
    rules = [other if file.name == other.name else file for file in pair.rules]

    told = differences(
        await a_run(tmp_path / "a"),
        await a_run(tmp_path / "b", managers=dataclasses.replace(pair, rules=rules)),
    )

    assert [line.partition(":")[0] for line in told] == ["rules builtin.yaml"]


def test_a_cluster_is_refused_with_every_difference_to_what_is_asked_for(tmp_path: Path) -> None:
    def settings(context: str) -> Settings:
        return from_environment({}, state=tmp_path, options=ProviderOptions(context=context))

    was = Record.of(settings("one"), provider="existing", kyma="real", fingerprint={})
    now = Record.of(settings("two"), provider="existing", kyma="builtin", fingerprint={})

    with pytest.raises(
        MismatchError, match=r"kyma real, not builtin; with option context one, not two: stop it"
    ):
        was.check(now, "kyma")


@pytest.mark.parametrize(
    ("had", "wanted", "said"),
    [
        ({}, {"node_image": "new"}, "runs with option node_image not given, now new: stop it"),
        ({"node_image": "old"}, {}, "runs with option node_image old, now not given: stop it"),
    ],
)
def test_a_cluster_is_refused_where_an_option_was_given_at_one_time_alone(
    tmp_path: Path, had: dict, wanted: dict, said: str
) -> None:
    was, now = (
        Record.of(
            from_environment({}, state=tmp_path, options=ProviderOptions(**options)),
            provider="k3d",
            kyma="real",
            fingerprint={},
        )
        for options in (had, wanted)
    )

    with pytest.raises(MismatchError, match=said):
        was.check(now, "kyma")


def test_a_context_need_not_be_confirmed_again(tmp_path: Path) -> None:
    was, now = (
        Record.of(
            from_environment(
                {}, state=tmp_path, options=ProviderOptions(context="prod", allow_context=confirmed)
            ),
            provider="existing",
            kyma="real",
            fingerprint={},
        )
        for confirmed in ("prod", None)
    )

    was.check(now, "kyma")
    now.check(was, "kyma")


def test_a_cluster_whose_harness_has_changed_is_not_refused(tmp_path: Path) -> None:
    settings = from_environment({}, state=tmp_path)
    was = Record.of(settings, provider="embedded", kyma="real", fingerprint={"harness": "1"})
    now = Record.of(settings, provider="embedded", kyma="real", fingerprint={"harness": "2"})

    was.check(now, "kyma")

    assert differences(was.fingerprint, now.fingerprint) == ["harness: was 1, is now 2"]
