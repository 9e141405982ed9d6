"""Look on while tests run."""

import platform
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import pytest

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import Kind, ObjectKey
from kyma_harness.host.blocking import Portal
from kyma_harness.kyma.contract import KYMA, MANIFEST, MODULE_TEMPLATE
from kyma_harness.kyma.relations import kyma_relations
from kyma_harness.pytest.handles.log import Log
from kyma_harness.pytest.hooks import OBSERVED, STARTED, STEPS, Observed
from kyma_harness.pytest.notes import uncaptured
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.live_wait import Line, NoLine
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.relations import Relations

ERASE = "\r\x1b[2K"


class TerminalLine:
    """Write one line over and over; what pytest wrote before stays above it.

    Waits call this from the portal's thread while the test's thread waits for them, so that nobody else
    writes meanwhile.
    """

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._lock = threading.Lock()
        self._shown = False

    def say(self, text: str) -> None:
        """Show this text, cut to the terminal's width."""
        with self._lock, uncaptured(self._reporter.config):
            if not self._shown:
                self._reporter.ensure_newline()
                self._shown = True
            width = shutil.get_terminal_size().columns - 1
            self._reporter.write(f"{ERASE}{text[:width]}", flush=True)

    def clear(self) -> None:
        """Erase the line."""
        with self._lock, uncaptured(self._reporter.config):
            if self._shown:
                self._reporter.write(ERASE, flush=True)
                self._shown = False


def line_of(config: pytest.Config) -> Line:
    """Return the line of pytest's terminal; a silent one where there is no terminal, as in CI."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty:
        return NoLine()
    return TerminalLine(reporter)


def facts_of(testbed: Testbed) -> dict[str, str]:
    """Return what was decided about a cluster: name and value, for people."""
    provider, managers, module = testbed.provider, testbed.managers, testbed.module
    return {
        "cluster": f"{testbed.settings.cluster}, provider {provider.name} ({testbed.chosen.reason})",
        "capabilities": ", ".join(sorted(provider.capabilities)),
        "lifecycle managers": f"{managers.pair} ({managers.reason})",
        "module": f"{module.name} {module.version}, channel {module.channel}",
    }


async def versions(client: Client) -> dict[str, str]:
    """Ask the API server for its version, and tell ours."""
    ours = f"Python {platform.python_version()}, pytest {version('pytest')}, {platform.platform()}"
    try:
        answer = await client.request("GET", "/version")
    except ControllerError as error:
        return {"API server": str(error), "host": ours}
    said = answer.get("gitVersion", "?") if isinstance(answer, dict) else "?"
    return {"API server": f"{client.server}, Kubernetes {said}", "host": ours}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an observer cannot see for itself, and has to be told of a cluster."""

    relations: Relations = field(default_factory=Relations)
    kinds: Sequence[Kind] = ()
    """What is followed from the start, besides the usual kinds."""
    manager: ObjectKey | None = None
    """The Deployment whose log ``expect_log`` reads."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What a report should say of the cluster: name and value."""


def surroundings_of(testbed: Testbed) -> Surroundings:
    """Say which Deployments take care of what in a cluster with the module alone."""
    module = testbed.module
    return Surroundings(
        relations=kyma_relations(module),
        kinds=[KYMA, MANIFEST, MODULE_TEMPLATE, Kind.of(dict(module.default_cr))],
        manager=ObjectKey(module.manager.namespace, module.manager.deployment),
        facts=facts_of(testbed),
    )


def an_observer(
    client: Client, portal: Portal, surroundings: Surroundings, patience: Patience, config: pytest.Config
) -> Iterator[Observer]:
    """Follow the cluster in the background: for waits, for timelines, and for evidence."""
    watching = Observer.over(
        client,
        relations=surroundings.relations,
        steps=config.stash[STEPS],
        line=line_of(config),
        patience=patience,
    )
    portal.call(watching.start(*surroundings.kinds))
    facts = {**surroundings.facts, **portal.call(versions(client))}
    config.stash[OBSERVED] = Observed(observer=watching, portal=portal, facts=facts)
    yield watching
    del config.stash[OBSERVED]
    portal.call(watching.stop())


def a_manager_log(client: Client, portal: Portal, surroundings: Surroundings, item: pytest.Item) -> Log:
    """Give what the module's manager logs in a test."""
    if surroundings.manager is None:
        pytest.fail("surroundings name no manager, so that nobody's log can be read", pytrace=False)
    return Log(portal=portal, client=client, deployment=surroundings.manager, since=item.stash[STARTED])
