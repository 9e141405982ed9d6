"""The cases, in the order of the table."""

from hack.parity.case import Case
from hack.parity.cases import accidents, edits, layers, life, restarts, sources, templates

ALL = tuple(
    Case.of(run)
    for module in (life, templates, layers, sources, edits, accidents, restarts)
    for run in module.CASES
)
