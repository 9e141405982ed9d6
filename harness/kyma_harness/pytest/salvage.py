"""Keep the evidence of a cluster whose set-up failed, before it is taken down."""

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kubeloop.errors import ControllerError
from kyma_harness.evidence.failure import Findings
from kyma_harness.evidence.gather import gather
from kyma_harness.host.blocking import Portal
from kyma_harness.host.errors import HarnessError
from kyma_harness.pytest.facts import facts_of
from kyma_harness.pytest.stash import SALVAGED, STEPS, Salvaged
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.steps import StepLog


def salvage(testbed: Testbed, *, portal: Portal, config: pytest.Config) -> None:
    """Look into the cluster, and leave what is found for the tests that asked for it."""
    folder = TemporaryDirectory(prefix="kyma-harness-")
    config.add_cleanup(folder.cleanup)  # every test that needs the cluster has a copy by then
    logs = Path(folder.name)
    try:
        findings = portal.call(_look_into(testbed, logs, config.stash[STEPS]))
        salvaged = Salvaged(findings=findings, facts=facts_of(testbed), logs=logs)
    except Exception as error:  # noqa: BLE001 - why the set-up failed counts more
        why = f"the cluster could not be looked into: {type(error).__name__}: {error}"
        salvaged = Salvaged(findings=Findings(problems=[why]), facts={}, logs=None)
    config.stash[SALVAGED] = salvaged


async def _look_into(testbed: Testbed, logs: Path, steps: StepLog) -> Findings:
    problems: list[str] = []
    try:
        await testbed.provider.collect_logs(logs)
    except (HarnessError, ControllerError, OSError) as error:
        problems.append(f"logs of the cluster: {error}")
    now = time.time()
    try:
        async with testbed.client() as client:
            found = await gather(Observer.over(client, steps=steps), now - 600, now)
    except (HarnessError, ControllerError, OSError) as error:
        return Findings(steps=steps.steps, problems=[*problems, str(error)])
    return replace(found, problems=[*problems, *found.problems])
