"""Copy one context out of the user's kubeconfig into a file of its own."""

from pathlib import Path

from kyma_harness.clusters.errors import ProviderUnavailableError
from kyma_harness.host.errors import CommandError
from kyma_harness.host.paths import write_private
from kyma_harness.host.process import run

SECONDS = 30.0


async def copy_context(kubectl: Path, *, source: Path | None, context: str | None, target: Path) -> None:
    """Write a kubeconfig with this context alone, certificates included, that only this user may read.

    ``source`` None means what kubectl reads: ``$KUBECONFIG`` with all its files, or ``~/.kube/config``.
    Raises :class:`ProviderUnavailableError` that names the known contexts.
    """
    command: list[str | Path] = [kubectl, *([f"--kubeconfig={source}"] if source else []), "config"]
    known = await _contexts(command, source)
    if context is None:
        raise ProviderUnavailableError(
            f"name the cluster by its context, with --harness-context (--context): {known}"
        )
    view = ["view", "--raw", "--minify", "--flatten", f"--context={context}", "--output=yaml"]
    try:
        done = await run([*command, *view], timeout=SECONDS)
    except CommandError as error:
        raise ProviderUnavailableError(
            f"context {context} is not in {source or 'the kubeconfig'}, {known} "
            f"({error.output.strip().removeprefix('error: ')})"
        ) from None
    write_private(target, done.stdout)


async def _contexts(command: list[str | Path], source: Path | None) -> str:
    if source is not None and not source.is_file():  # noqa: ASYNC240 - one look
        raise ProviderUnavailableError(f"there is no kubeconfig {source}: name one that exists")
    try:
        done = await run([*command, "get-contexts", "--output=name"], timeout=SECONDS)
    except CommandError as error:
        raise ProviderUnavailableError(
            f"the kubeconfig {source or ''} cannot be read: {error.output}"
        ) from None
    if not (names := done.stdout.split()):
        return "there is none in your kubeconfig, name another with --harness-kubeconfig (--kubeconfig)"
    return f"known are {', '.join(names)}"
