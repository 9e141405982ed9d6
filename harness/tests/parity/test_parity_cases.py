"""A few cases, with each pair at hand; `make parity` runs them all."""

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from eventually import eventually

from hack.parity import originals
from hack.parity.case import Case
from hack.parity.cases import ALL
from hack.parity.comparison import compare
from hack.parity.explanation import Explanations
from hack.parity.recording import Recording
from hack.parity.report import judge
from hack.parity.runner import DONE, Say, run_pair
from hack.parity.stage import Stage
from kubeloop.kinds import CRD
from kyma_harness.cli import example
from kyma_harness.host.blocking import Portal
from kyma_harness.host.paths import cache_dir
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.originals import prebuilt
from kyma_harness.kyma.pair import LifecycleManagers, builtin_pair, real_pair
from kyma_harness.toolchain.toolchain import ToolPaths

LAMP = example.LAMP / "module.yaml"
SELECTION = ("remove", "two-kymas", "ambiguous-templates")
SELECTED = [case for case in ALL if case.name in SELECTION]
SAMPLE = 4
"""How many cases are held against what the original was seen to do."""


async def recorded(
    managers: LifecycleManagers,
    tools: ToolPaths,
    folder: Path,
    cases: Sequence[Case] = SELECTED,
    say: Say = lambda _: None,
) -> dict[str, Recording]:
    runs = run_pair(managers, cases, module=Module.load(LAMP), tools=tools, folder=folder, say=say)
    return {run.case: run async for run in runs}


@pytest.fixture(scope="module")
def builtin(
    portal: Portal, tools: ToolPaths, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Recording]:
    """What the built-in pair did in the selected cases."""
    managers = portal.call(builtin_pair("asked for"))
    return portal.call(recorded(managers, tools, tmp_path_factory.mktemp("builtin")))


@pytest.fixture(scope="module")
def real(portal: Portal, tools: ToolPaths, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    """What the original pair did in the selected cases, where it is at hand."""
    dist = os.environ.get("KYMA_DIST")
    if not dist:
        pytest.skip("$KYMA_DIST names no folder with the real lifecycle managers")

    async def unpacked() -> LifecycleManagers:
        return await real_pair(await prebuilt(Path(dist), cache_dir()))

    return portal.call(recorded(portal.call(unpacked()), tools, tmp_path_factory.mktemp(str(Choice.REAL))))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "count", [SAMPLE, pytest.param(len(ALL), marks=[pytest.mark.long, pytest.mark.timeout(5400)])]
)
def test_the_built_in_pair_does_what_the_original_was_seen_to_do(
    count: int, portal: Portal, tools: ToolPaths, tmp_path: Path, pytestconfig: pytest.Config
):
    """The cases are another few in every session; its random seed brings the same ones again."""
    seed = pytestconfig.getoption("randomly_seed")
    cases = random.Random(seed).sample(ALL, count)  # noqa: S311 - a choice of cases
    managers = portal.call(builtin_pair("asked for"))

    builtin = portal.call(recorded(managers, tools, tmp_path, cases))

    known, explanations = originals.load(), Explanations.load()
    verdicts = [judge(case, known[case.name], builtin[case.name], explanations) for case in cases]
    differences = [one for verdict in verdicts for one in verdict.differences]
    assert explanations.unexplained(differences) == []


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", SELECTION)
def test_both_pairs_do_the_same_but_for_what_is_explained(
    case: str, real: dict[str, Recording], builtin: dict[str, Recording]
):
    assert Explanations.load().unexplained(compare(real[case], builtin[case])) == []


@pytest.mark.timeout(600)
def test_a_case_whose_watch_is_interrupted_is_run_once_more(
    portal: Portal, tools: ToolPaths, tmp_path: Path
) -> None:
    attempts: list[str] = []

    async def kyma_is_defined_anew(stage: Stage) -> None:
        attempts.append(stage.slug)
        if len(attempts) == 1:
            definition = await stage.client.get(CRD, "kymas.operator.kyma-project.io")
            names = {**definition["spec"]["names"], "shortNames": ["another"]}
            await stage.client.merge_patch(CRD, definition["metadata"]["name"], {"spec": {"names": names}})
            await eventually(lambda: not stage.recorder.is_gapless(), within=60)
        await stage.create_kyma()

    said: list[str] = []
    managers, case = portal.call(builtin_pair("asked for")), Case.of(kyma_is_defined_anew)
    recordings = portal.call(recorded(managers, tools, tmp_path, [case], said.append))
    recording = recordings[case.name]

    assert attempts == ["case01", "case01again"]
    assert recording.outcome == DONE
    assert recording.sequences["Kyma case"][0] == "without state"
    assert "builtin kyma-is-defined-anew: a watch was interrupted, and states may have been missed" in said
