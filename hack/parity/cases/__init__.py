"""The cases, in the order of the table."""

from hack.parity.case import Case
from hack.parity.cases import (
    accidents,
    charts,
    descriptors,
    edits,
    layers,
    life,
    restarts,
    sources,
    templates,
)

ALL = tuple(
    Case.of(run)
    for module in (life, templates, descriptors, layers, charts, sources, edits, accidents, restarts)
    for run in module.CASES
)
