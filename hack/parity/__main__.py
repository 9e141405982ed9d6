"""``make parity``: every case with the built-in pair, held against what the original did.

Where the original's programs are at hand, in the folder of $KYMA_DIST, they run as well.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

from hack.parity import originals
from hack.parity.case import Case
from hack.parity.cases import ALL
from hack.parity.comparison import Difference
from hack.parity.errors import ParityError
from hack.parity.explanation import Explanations
from hack.parity.recording import Recording
from hack.parity.report import Verdict, judge, render
from hack.parity.runner import run_pair
from kyma_harness.cli import example
from kyma_harness.host.errors import HarnessError
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.module import Module
from kyma_harness.session.options import Settings, from_environment
from kyma_harness.session.setup import find_managers
from kyma_harness.toolchain.tools import ensure

LAMP = example.LAMP / "module.yaml"
PathOption = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one run is to do."""

    settings: Settings
    cases: Sequence[Case]
    pairs: Sequence[Choice]
    records: Path
    """Where this machine's recordings are kept."""
    output: Path | None
    learns: bool


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[CASE]...", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="Print the cases, and run none.")
@click.option(
    "--pair",
    type=click.Choice(["real", "builtin", "both", "none"]),
    help="Which pairs run.  [default: both with a --kyma-dist, else builtin]",
)
@click.option("--module", type=PathOption, default=LAMP, help="The module whose CRD and resource are used.")
@click.option("--kyma-dist", type=PathOption, help="A folder with the real lifecycle managers.  [$KYMA_DIST]")
@click.option("--records", type=PathOption, help="Where recordings are kept.  [default: in the state folder]")
@click.option("--output", type=PathOption, help="Write the table of all cases that were recorded to a file.")
@click.option("--learn", is_flag=True, help=f"Keep in {originals.FILE.name} what the original did anew.")
def main(
    names: Sequence[str],
    *,
    only_list: bool,
    pair: str | None,
    module: Path,
    kyma_dist: Path | None,
    records: Path | None,
    output: Path | None,
    learn: bool,
) -> None:
    """Run cases, each pair in a cluster of its own, and compare.

    The built-in pair is held against the nearest of the courses that the original was seen to take, as
    originals.jsonl and this machine's own recordings have them. It fails on what nobody has explained.
    With `--pair none` it compares what was recorded once more.
    """
    cases = _chosen(names)
    if only_list:
        for case in cases:
            click.echo(f"{case.name:<48} {case.about}")
        return
    settings = from_environment(module=module, kyma_dist=kyma_dist)
    asked = Asked(
        settings=settings,
        cases=cases,
        pairs=_pairs(pair or ("both" if settings.kyma_dist else "builtin")),
        records=records or settings.state / "parity",
        output=output,
        learns=learn,
    )
    try:
        asyncio.run(_run(asked))
    except HarnessError as error:
        raise click.ClickException(str(error)) from None


def _chosen(names: Sequence[str]) -> list[Case]:
    known = {case.name: case for case in ALL}
    if unknown := sorted(set(names) - set(known)):
        raise click.UsageError(f"no such case: {', '.join(unknown)}; `--list` prints them")
    return [known[name] for name in names or known]


def _pairs(chosen: str) -> list[Choice]:
    if chosen == "both":
        return [Choice.REAL, Choice.BUILTIN]
    return [] if chosen == "none" else [Choice(chosen)]


async def _run(asked: Asked) -> None:
    console = Console(stderr=True)
    for pair in asked.pairs:
        await _record(asked, pair, console)
    if asked.learns:
        seen = _recorded(asked.records, Choice.REAL, asked.cases)
        await asyncio.to_thread(originals.write, originals.with_new(originals.load(), seen))
    explanations = Explanations.load()
    if asked.output:
        page = render(_judged(ALL, asked.records, explanations), explanations)
        await asyncio.to_thread(asked.output.write_text, page, encoding="utf-8")
    _tell(console, _judged(asked.cases, asked.records, explanations), explanations)


async def _record(asked: Asked, pair: Choice, console: Console) -> None:
    settings = replace(asked.settings, kyma=pair)
    tools = await ensure(explicit=settings.tools, cache=settings.cache, console=console)
    managers = await find_managers(settings, tools, console)
    module = await asyncio.to_thread(Module.load, settings.module)

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    with TemporaryDirectory(prefix="kyma-parity-") as folder:
        recordings = run_pair(managers, asked.cases, module=module, tools=tools, folder=Path(folder), say=say)
        async with aclosing(recordings):
            async for recording in recordings:
                await asyncio.to_thread(recording.write, asked.records)


def _recorded(folder: Path, pair: Choice, cases: Sequence[Case]) -> Iterator[Recording]:
    for case in cases:
        if recording := Recording.read(folder, str(pair), case.name):
            yield recording


def _judged(cases: Sequence[Case], folder: Path, explanations: Explanations) -> list[Verdict]:
    known = originals.with_new(originals.load(), _recorded(folder, Choice.REAL, cases))
    builtin = {one.case: one for one in _recorded(folder, Choice.BUILTIN, cases)}
    return [judge(case, known, builtin.get(case.name), explanations) for case in cases]


def _tell(console: Console, verdicts: Sequence[Verdict], explanations: Explanations) -> None:
    judged = [one for one in verdicts if one.complete]
    for verdict in judged:
        left = explanations.unexplained(verdict.differences)
        said = "same" if not verdict.differences else f"{len(verdict.differences)} differences explained"
        console.print(f"{'✗' if left else '✓'} {verdict.case.name}: {said}", highlight=False)
    open_ones = [one for verdict in judged for one in explanations.unexplained(verdict.differences)]
    if open_ones:
        listed = "".join(_sentence(one) for one in open_ones)
        raise ParityError(f"the pairs differ, and nobody has explained why:{listed}")
    if len(judged) < len(verdicts):
        console.print(f"{len(verdicts) - len(judged)} cases lack one pair's recording", highlight=False)


def _sentence(one: Difference) -> str:
    return (
        f"\n  {one.case}: {one.aspect} {one.subject}\n    original: {one.real}\n    built-in: {one.builtin}"
    )


if __name__ == "__main__":
    main(prog_name="parity")
