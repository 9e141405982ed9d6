"""Write module.yaml, rules, settings, a default CR and a test, with a comment where something was guessed."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from kyma_harness.scaffold.guess import Guess, Image
from kyma_harness.scaffold.repository import Repository, RepositoryError

MODULE = "module.yaml"
BESIDE = "kyma"
"""The folder of what belongs to module.yaml, beside it."""
CONFIG = """\
# Settings of the chart's installation, such as
# - name: torch
#   overrides: "colour=red,watts=60"
configs:
"""


def texts(found: Repository, guess: Guess) -> dict[str, str]:
    """Return the files to write: their texts by their paths in the repository."""
    sample = guess.default_cr
    default = _relative(found, sample) if sample else f"{BESIDE}/default-cr.yaml"
    written = {
        MODULE: _module(found, guess, default),
        f"{BESIDE}/config.yaml": CONFIG,
        f"{BESIDE}/rules.yaml": _rules(guess),
        f"{BESIDE}/test_{guess.short_name.replace('-', '_')}.py": _test(guess),
    }
    return written if sample else {**written, default: _default_cr(guess)}


def write(found: Repository, written: Mapping[str, str]) -> None:
    """Write the files; raises :class:`RepositoryError`, with nothing written, where one is there already."""
    there = [path for path in written if (found.folder / path).exists()]
    if there:
        raise RepositoryError(
            f"{found.folder} has {', '.join(there)} already",
            remedy="edit it, or take it away and call `init` again",
        )
    for path, text in written.items():
        file = found.folder / path
        try:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RepositoryError(f"{file} cannot be written: {error.strerror}") from None


def _module(found: Repository, guess: Guess, default_cr: str) -> str:
    container = "" if guess.container == "manager" else f", container: {guess.container}"
    lines = [
        "# All that the harness knows of this module; paths are relative to this file.",
        _line("name", guess.name, guess),
        _line("version", guess.version, guess),
        "channel: regular",
        f"chart: {_relative(found, found.source)}",
        f"config: {BESIDE}/config.yaml",
        _line("defaultCR", default_cr, guess),
        _line(
            "manager", f"{{namespace: {guess.namespace}, deployment: {guess.deployment}{container}}}", guess
        ),
        f"rules: {BESIDE}/rules.yaml",
    ]
    return "".join(f"{line}\n" for line in lines)


def _line(key: str, value: str, guess: Guess) -> str:
    reason = guess.reasons.get(key, "")
    return f"{key}: {value}" + (f"  # {reason}" if reason else "")


def _relative(found: Repository, path: Path) -> str:
    return os.path.relpath(path, found.folder)


def _rules(guess: Guess) -> str:
    head = [
        "# Which command stands for which image where pods are processes; {module} is this folder.",
        "rules:",
    ]
    return "".join(f"{line}\n" for line in [*head, *(line for one in guess.images for line in _rule(one))])


def _rule(image: Image) -> list[str]:
    lines = [f"- image: {json.dumps(image.pattern)}  # {image.why}"]
    if not image.command:
        return [*lines, "  simulate: true"]
    lines.append(f"  command: {json.dumps(list(image.command))}")
    if image.args:
        lines.append(
            f"  args: {json.dumps(list(image.args))}  # a process finds no namespace to elect a leader in"
        )
    if image.listen:
        lines.append(
            "  listen:  # where the process listens instead: ports of containers may be taken on this host"
        )
        lines += [f"    {port}: {json.dumps(flag)}" for port, flag in image.listen.items()]
    return lines


def _default_cr(guess: Guess) -> str:
    return f"apiVersion: {guess.api_version}\nkind: {guess.kind}\nmetadata:\n  name: sample\nspec: {{}}\n"


def _test(guess: Guess) -> str:
    name = guess.short_name
    constant = guess.kind.upper()
    return f'''"""The life of module {name} in a Kyma."""

from kyma_harness import Api, Kind, KymaHandle

{constant} = Kind.parse("{guess.api_version}", "{guess.kind}")
NAME, NAMESPACE = "default-kyma-{name}", "kcp-system"


def test_an_added_module_gets_ready(kyma: KymaHandle, api: Api) -> None:
    """The lifecycle managers install what the module brings, and its manager says that it is Ready."""
    kyma.enable("{name}")

    api.expect({constant}, NAME, NAMESPACE).to_have_state("Ready")
    kyma.manifest("{name}").to_have_state("Ready")
    kyma.expect().to_have_state("Ready")


def test_a_removed_module_leaves_nothing(kyma: KymaHandle, api: Api) -> None:
    """The custom resource goes first, and then all that the module brought."""
    before = api.inventory()
    kyma.enable("{name}")
    kyma.manifest("{name}").to_have_state("Ready")
    kyma.expect().to_have_state("Ready")

    kyma.disable("{name}")

    kyma.manifest("{name}").to_be_gone()
    api.expect({constant}, NAME, NAMESPACE).to_be_gone()
    assert api.inventory().beyond(before) == []
'''
