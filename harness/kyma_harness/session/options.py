"""What may be asked of providers, named once for the command line, the environment and pytest.

``--allow-context`` of ``kyma-harness up`` is ``--harness-allow-context`` of pytest, ``harness_allow_context``
in its configuration file and ``$KYMA_HARNESS_ALLOW_CONTEXT`` for both. The first that is given counts, in the
order command line, environment, configuration file.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kyma_harness.clusters.options import ProviderOptions
from kyma_harness.host.choices import AUTO, NAMES, Way
from kyma_harness.host.errors import HarnessError
from kyma_harness.host.paths import definite


class AnswerError(HarnessError):
    """An answer that is none of those that the question has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that may be asked for."""

    name: str
    help: str
    choices: tuple[str, ...] = ()
    is_path: bool = False
    is_mapping: bool = False

    @property
    def option(self) -> str:
        """The name as a command-line option spells it, without dashes in front."""
        return self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"KYMA_HARNESS_{self.name.upper()}"

    def checked(self, value: str, base: Path | None = None) -> str | Path | dict[str, str]:
        """Return an answer as it is used; a command line checks its own, other places do not."""
        if self.choices and value not in self.choices:
            raise AnswerError(
                f"{value} is no {self.name}: ${self.variable}, or harness_{self.name} in pytest's "
                f"configuration, has to be one of {', '.join(self.choices)}"
            )
        if self.is_mapping:
            return self._mapping(value)
        return definite(Path(value), base) if self.is_path else value

    def _mapping(self, value: str) -> dict[str, str]:
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(name and equals for name, equals, _ in pairs):
            raise AnswerError(f"{value}: {self.name} are NAME=VALUE, several with commas between them")
        return {name: meant for name, _, meant in pairs}


QUESTIONS = (
    Question(name="provider", help="who provides the cluster", choices=(AUTO, *NAMES)),
    Question(name="image", help="how the manager's image is made", choices=tuple(str(way) for way in Way)),
    Question(name="build_args", help="for a Docker build of that image: NAME=VALUE,…", is_mapping=True),
    Question(name="kubeconfig", help="existing: the kubeconfig to look into", is_path=True),
    Question(name="context", help="existing: the context to use"),
    Question(name="allow_context", help="existing: the context once more, if it looks like anybody's"),
    Question(
        name="registry",
        help="existing: HOST:PORT that we push to, and =HOST:PORT if nodes know it by another name",
    ),
    Question(name="node_image", help="k3d, kind: the image of the nodes"),
    Question(name="registry_image", help="k3d, kind: the image of the registry beside the cluster"),
    Question(name="kind_binary", help="kind: the program", is_path=True),
    Question(name="kind_config", help="kind: a cluster configuration to start from", is_path=True),
)
NOT_OPTIONS = ("provider", "image", "build_args")


def answers(
    given: Mapping[str, Any],
    configured: Callable[[str], str] = lambda _: "",
    environ: Mapping[str, str] = os.environ,
    base: Path | None = None,
) -> dict[str, Any]:
    """Return everything that was asked for, as :class:`kyma_harness.session.settings.Settings` takes it.

    ``given`` has the command line's values by name, ``configured`` returns a configuration file's. Paths
    begin at ``base``, by default the current folder.
    """
    found: dict[str, Any] = {}
    for question in QUESTIONS:
        value = given.get(question.name) or environ.get(question.variable) or configured(question.name)
        if value:
            found[question.name] = question.checked(str(value), base)
    options = {name: value for name, value in found.items() if name not in NOT_OPTIONS}
    return {
        "provider": found.get("provider", AUTO),
        "image": Way(found.get("image", Way.AUTO)),
        "build_args": found.get("build_args", {}),
        "options": ProviderOptions(**options),
    }
