"""The options that say who provides the cluster, and how: see kyma_harness.session.options."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from kyma_harness.session.options import QUESTIONS, Question

F = TypeVar("F", bound=Callable[..., Any])

LOOKED_AT = ("kubeconfig", "context", "registry", "kind_binary")
"""What decides whether a provider can run here."""


def provider_options(run: F) -> F:
    """Add all of them."""
    return _asking(run, QUESTIONS)


def probe_options(run: F) -> F:
    """Add those that decide whether a provider can run here."""
    return _asking(run, [question for question in QUESTIONS if question.name in LOOKED_AT])


def _asking(run: F, questions: Sequence[Question]) -> F:
    for question in reversed(questions):
        kind = click.Choice(question.choices) if question.choices else None
        run = click.option(
            f"--{question.option}",
            question.name,
            type=kind,
            help=f"{question.help[:1].upper()}{question.help[1:]}.",
        )(run)
    return run
