"""``kyma-harness parity``: the same cases with both pairs of managers, and every difference by name."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from kyma_harness.choices import Choice
from kyma_harness.commands.lesson import teaches
from kyma_harness.commands.session import Session
from kyma_harness.kyma.module import Module
from kyma_harness.parity.case import Case
from kyma_harness.parity.cases import ALL
from kyma_harness.parity.comparison import Difference
from kyma_harness.parity.errors import ParityError
from kyma_harness.parity.explanation import Explanations
from kyma_harness.parity.recording import Recording
from kyma_harness.parity.report import Verdict, judge, render
from kyma_harness.parity.runner import run_pair
from kyma_harness.testbed import find_managers

PAIRS = (Choice.REAL, Choice.BUILTIN)
PathOption = click.Path(path_type=Path)


@click.argument("names", metavar="[CASE]...", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Print the cases, and run none.")
@click.option(
    "--pair", type=click.Choice([*map(str, PAIRS), "both", "none"]), default="both", show_default=True
)
@click.option("--records", type=PathOption, help="Where recordings are kept.  [default: in the state folder]")
@click.option("--output", type=PathOption, help="Write the table of all cases that were recorded to a file.")
@teaches(
    {
        "parity": "every case with both pairs",
        "parity --list": "the cases",
        "parity --pair none": "compare again",
    }
)
async def parity(
    session: Session,
    *,
    names: Sequence[str],
    only_list: bool,
    pair: str,
    records: Path | None,
    output: Path | None,
) -> None:
    """Run cases with both pairs of managers, and compare them.

    It fails on what nobody has explained. The module is the one of `--module`: its CRD and its custom
    resource, in charts made for each case. Each pair gets a cluster of its own, one after the other. With
    `--pair none` the recordings are compared that are there.
    """
    cases = _chosen(names)
    if only_list:
        for case in cases:
            click.echo(f"{case.name:<48} {case.about}")
        return
    kept = records or session.settings.state / "parity"
    for one in PAIRS:
        if pair in {str(one), "both"}:
            await _run(session, one, cases, kept)
    explanations = await asyncio.to_thread(Explanations.load)
    if output:
        page = render(await asyncio.to_thread(_judged, ALL, kept), explanations)
        await asyncio.to_thread(output.write_text, page, encoding="utf-8")
    verdicts = await asyncio.to_thread(_judged, cases, kept)
    _tell(session, verdicts, explanations)


def _chosen(names: Sequence[str]) -> list[Case]:
    known = {case.name: case for case in ALL}
    if unknown := sorted(set(names) - set(known)):
        raise click.UsageError(f"no such case: {', '.join(unknown)}; `--list` prints them")
    return [known[name] for name in names or known]


async def _run(session: Session, pair: Choice, cases: Sequence[Case], kept: Path) -> None:
    tools = await session.tools()
    managers = await find_managers(replace(session.settings, kyma=pair), tools, session.console)
    module = await asyncio.to_thread(Module.load, session.settings.module)

    def say(text: str) -> None:
        session.console.print(text, highlight=False, soft_wrap=True, markup=False)

    with TemporaryDirectory(prefix="kyma-parity-") as folder:
        recordings = run_pair(managers, cases, module=module, tools=tools, folder=Path(folder), say=say)
        async with aclosing(recordings):
            async for recording in recordings:
                await asyncio.to_thread(recording.write, kept)


def _judged(cases: Sequence[Case], kept: Path) -> list[Verdict]:
    return [judge(case, *(Recording.read(kept, str(pair), case.name) for pair in PAIRS)) for case in cases]


def _tell(session: Session, verdicts: Sequence[Verdict], explanations: Explanations) -> None:
    judged = [one for one in verdicts if one.complete]
    for verdict in judged:
        left = explanations.unexplained(verdict.differences)
        said = "same" if not verdict.differences else f"{len(verdict.differences)} differences explained"
        session.console.print(f"{'✗' if left else '✓'} {verdict.case.name}: {said}", highlight=False)
    open_ones = [one for verdict in judged for one in explanations.unexplained(verdict.differences)]
    if open_ones:
        listed = "".join(_sentence(one) for one in open_ones)
        raise ParityError(f"the pairs differ, and nobody has explained why:{listed}")
    if len(judged) < len(verdicts):
        session.console.print(
            f"{len(verdicts) - len(judged)} cases lack one pair's recording", highlight=False
        )


def _sentence(one: Difference) -> str:
    return (
        f"\n  {one.case}: {one.aspect} {one.subject}\n    original: {one.real}\n    built-in: {one.builtin}"
    )
