"""The cases, in the order of the table."""

from harness.parity.case import Case
from harness.parity.cases import accidents, edits, layers, life, restarts, templates

ALL = tuple(
    Case.of(run) for module in (life, templates, layers, edits, accidents, restarts) for run in module.CASES
)
