"""Look on while tests run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from kubeloop.client import Client
from kubeloop.resource import Kind, ObjectKey
from kyma_harness.host.blocking import Portal
from kyma_harness.kyma.contract import KYMA, MANIFEST, MODULE_TEMPLATE
from kyma_harness.kyma.relations import kyma_relations
from kyma_harness.pytest.facts import facts_of, versions
from kyma_harness.pytest.handles.log import Log
from kyma_harness.pytest.stash import OBSERVED, STARTED, STEPS, Observed
from kyma_harness.pytest.terminal import line_of
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.relations import Relations


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
