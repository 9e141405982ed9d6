"""Print docs/reference/conformance.md, from the table that tests are held against: `make reference`."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).parents[1] / "harness" / "tests" / "node" / "conformance.yaml"
UPSTREAM = "https://github.com/kubernetes/kubernetes/blob/{version}/test/e2e/{file}"
OUTCOMES = {
    "holds": "holds",
    "differs": "**differs**",
    "missing": "missing",
    "not of the node": "not of the node",
}
PREFACE = """\
# Conformance of the process node

<!-- Written by `make reference` from harness/tests/node/conformance.yaml. Change that, not this page. -->

Kubernetes has {all} conformance tests ({version}). The {chosen} below ask something of a node: all those of
`common/node` and `common/storage`, and of what lies beside them those about pods, their volumes, hooks and
security. The others ask the API server, the controllers, the scheduler and the network, of which the embedded
cluster has the real ones or, as of the network, the little that [the process node](process-node.md) tells.

They cannot be run as they are: each brings an image with programs of its own, and asks for its file system.
So each row tells in our words what one or more of them ask, and names the tests of ours that show it on a
real control plane, or on the part of the node that decides it. A test holds this page against both: every
conformance test is in one row, and every test that a row names is there.

| | tests | |
|---|---|---|
| holds | {holds} | a pod sees what it would see of a kubelet |
| **differs** | {differs} | on purpose: why, stands in the row |
| missing | {missing} | and told where somebody asks for it, as far as it can be seen |
| not of the node | {not of the node} | the API server, the scheduler or a controller answers: the real ones |
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one or more conformance tests of a file ask, and what becomes of it here."""

    file: str
    tests: int
    asks: str
    outcome: str
    why: str = ""
    shown: tuple[str, ...] = ()


def rows(table: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the table, in its order."""
    return [
        Row(
            file=file,
            tests=row["tests"],
            asks=row["asks"],
            outcome=row["is"],
            why=row.get("why", ""),
            shown=tuple(row.get("shown", ())),
        )
        for file, of_file in table["files"].items()
        for row in of_file
    ]


def page(table: Mapping[str, Any]) -> str:
    """Return the page, as Markdown."""
    known = rows(table)
    counted = Counter[str]()
    for row in known:
        counted[row.outcome] += row.tests
    figures = {name: counted[name] for name in OUTCOMES}
    preface = PREFACE.format(
        all=table["all"], version=table["kubernetes"], chosen=sum(figures.values()), **figures
    )
    return "\n".join([preface, *_sections(table, known)])


def _sections(table: Mapping[str, Any], known: Iterable[Row]) -> Iterator[str]:
    files = list(table["files"])
    for file in files:
        link = UPSTREAM.format(version=table["kubernetes"], file=file)
        yield f"## [{file}]({link})\n"
        yield "| tests | what they ask | | shown by, or why not |\n|---|---|---|---|"
        for row in known:
            if row.file == file:
                yield f"| {row.tests} | {row.asks} | {OUTCOMES[row.outcome]} | {_told(row)} |"
        yield ""


def _told(row: Row) -> str:
    shown = ", ".join(f"`{one.partition('::')[2]}`" for one in row.shown)
    return "; ".join(filter(None, (row.why, shown)))


def load() -> dict[str, Any]:
    """Read the table."""
    found: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.stdout.write(page(load()))
