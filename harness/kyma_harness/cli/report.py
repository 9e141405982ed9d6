"""``kyma-harness report``: what failed in the last run of tests, and the page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kyma_harness.cli.commands import teaches
from kyma_harness.cli.output import Failure, Reported

if TYPE_CHECKING:
    from kyma_harness.cli.session import Session
    from kyma_harness.evidence.report.session import Session as Run


@click.option(
    "--evidence",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".harness-evidence"),
    show_default=True,
    help="The folder that the tests left their evidence in: pytest's --harness-evidence.",
)
@click.option("--open", "opens", is_flag=True, help="Show the report in the browser.")
@teaches(
    {
        "report": "what failed in the last run, and why",
        "report --open": "the same in the browser",
        "report --evidence artifact --output json": "of evidence that was downloaded from CI, for a script",
    },
    then="each failure has a folder with objects, logs and timeline; `rerun.sh` in it runs the test again.",
    answers=Reported,
)
async def report(session: Session, *, evidence: Path, opens: bool) -> Reported:
    """Say what failed in the last run of tests, and why.

    It draws the HTML report anew, and needs no cluster. Of a run that was killed it shows the evidence that
    was laid down before.
    """
    import asyncio
    import webbrowser

    from rich.markup import escape

    from kyma_harness.evidence.report.page import NAME, page
    from kyma_harness.evidence.report.sections import sentence
    from kyma_harness.evidence.report.session import Session as Run

    run = await asyncio.to_thread(Run.last, evidence)
    written = (evidence / NAME).absolute()
    await asyncio.to_thread(written.write_text, page(run), encoding="utf-8")
    for one in run.incidents:
        title = escape(sentence(one["test"]))
        session.console.print(f"[red]✗[/red] {title}", highlight=False, soft_wrap=True)
        session.console.print(f"    {escape(one['cause'])}", highlight=False, soft_wrap=True)
    session.console.print(f"report: {written.as_uri()}", highlight=False, soft_wrap=True)
    if opens and not webbrowser.open(written.as_uri()):
        session.console.print("there is no browser to open it in", highlight=False)
    return _reported(run, written)


def _reported(run: Run, written: Path) -> Reported:
    return Reported(
        report=str(written),
        passed=len(run.having("passed")),
        failed=len(run.having("failed")) or len(run.incidents),
        skipped=len(run.having("skipped")),
        failures=[_failure(one, written.parent) for one in run.incidents],
    )


def _failure(incident: Any, base: Path) -> Failure:
    return Failure(
        test=incident["test"],
        phase=incident["phase"],
        cause=incident["cause"],
        folder=str(base / incident["folder"]),
        command=incident["command"],
    )
