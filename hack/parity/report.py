"""Write the parity table: each case with both pairs, and each difference with its reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hack.parity.case import Case
from hack.parity.comparison import Difference, compare
from hack.parity.explanation import Explanation, Explanations
from hack.parity.recording import Recording

LONGEST = 700
"""Characters of one side of a difference."""
HEADER = """\
# Parity of the two pairs

<!-- Written by `make parity`. Change the cases, not this page. -->

The same {cases} cases, run with the real lifecycle managers of December 2022 and with the built-in pair, on
the same embedded cluster. Compared are, after names, times and digests are taken out: the **sequence** of
states and conditions that each Kyma, Manifest and custom resource goes through; the **objects** there are at
the end of the case, field by field, which after a removal is what is left; the **Events**; and the
**outcome**: whether each step of the case came about.

In places the original is a race with itself. Then the built-in pair is held against the nearest of the
courses that the original was seen to take; `hack/parity/originals.jsonl` keeps them.

{summary}

A difference that nobody has explained fails the command. The explanations stand in
`hack/parity/explanations.yaml`; what they mean for a module is told in
[lifecycle managers](lifecycle-managers.md).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A case, and how it went with both pairs."""

    case: Case
    differences: Sequence[Difference]
    complete: bool
    """Whether there is a recording of both pairs."""


def judge(
    case: Case, real: Iterable[Recording], builtin: Recording | None, explanations: Explanations
) -> Verdict:
    """Compare the built-in pair with the nearest of the courses that the original was seen to take.

    The original is a race in places: what it did once is as right as what it did another time.
    """
    compared = [compare(one, builtin) for one in real if builtin and one.case == case.name]
    if not compared:
        return Verdict(case=case, differences=(), complete=False)
    nearest = min(compared, key=lambda found: (len(explanations.unexplained(found)), len(found)))
    return Verdict(case=case, differences=nearest, complete=True)


def render(verdicts: Sequence[Verdict], explanations: Explanations) -> str:
    """Return the page."""
    judged = [one for one in verdicts if one.complete]
    lines = [
        HEADER.format(cases=len(judged), summary=_summary(judged, explanations)),
        "| case | what happens | result |",
        "|---|---|---|",
        *(f"| `{one.case.name}` | {one.case.about} | {_result(one, explanations)} |" for one in judged),
        "",
        *_reasons(judged, explanations),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _summary(verdicts: Sequence[Verdict], explanations: Explanations) -> str:
    same = sum(not one.differences for one in verdicts)
    differences = [difference for one in verdicts for difference in one.differences]
    open_ones = len(explanations.unexplained(differences))
    return (
        f"**{same} of {len(verdicts)} cases are the same in all of this, the others differ as told below; "
        f"{open_ones or 'no'} difference{'s are' if open_ones > 1 else ' is'} unexplained.**"
    )


def _result(verdict: Verdict, explanations: Explanations) -> str:
    if not verdict.differences:
        return "same"
    names = dict.fromkeys(_name(explanations.of(one)) for one in verdict.differences)
    return "differs: " + ", ".join(names)


def _name(explanation: Explanation | None) -> str:
    return f"[{explanation.name}](#{_anchor(explanation.name)})" if explanation else "**unexplained**"


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-").replace(",", "").replace("'", "").replace(".", "")


def _reasons(verdicts: Sequence[Verdict], explanations: Explanations) -> Iterator[str]:
    every = [difference for one in verdicts for difference in one.differences]
    for explanation in explanations.entries:
        covered = [one for one in every if explanations.of(one) is explanation]
        if covered:
            yield from (f"## {explanation.name}", "", explanation.why.strip(), "")
            yield from _table(covered)
    if left := explanations.unexplained(every):
        yield from ("## Unexplained", "")
        yield from _table(left)


def _table(differences: Iterable[Difference]) -> Iterator[str]:
    yield from ("| case | what | the original | built-in |", "|---|---|---|---|")
    for one in differences:
        what = f"{one.aspect}{': ' if one.subject else ''}{one.subject}"
        yield f"| `{one.case}` | {_cell(what)} | {_cell(one.real)} | {_cell(one.builtin)} |"
    yield ""


def _cell(text: str) -> str:
    plain = text.replace("|", "\\|").replace("\n", " ")
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} …"
