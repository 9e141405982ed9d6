"""Check a module that is Ready against the contract, and against what its own ``module.yaml`` adds."""

import importlib.util
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.clusters.provider import Provider
from kyma_harness.host.errors import HarnessError
from kyma_harness.host.extras import lacking
from kyma_harness.kube.logrecords import read_records
from kyma_harness.kyma.contract import (
    DEFAULT_KYMA,
    KCP_NAMESPACE,
    KYMA,
    KYMA_FINALIZER,
    LIFECYCLE_MANAGER,
    MANAGED_BY,
    MANIFEST,
    MODULE_TEMPLATE,
)
from kyma_harness.kyma.deploy import instance_name
from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module
from kyma_harness.wait.difference import ANY, differences

__all__ = ["ANY", "differences", "filled"]


def filled(pattern: Any, values: Mapping[str, str]) -> Any:
    """Replace each ``{key}`` in the strings of a nested structure."""
    if isinstance(pattern, str):
        for key, value in values.items():
            pattern = pattern.replace(f"{{{key}}}", value)
        return pattern
    if isinstance(pattern, Mapping):
        return {key: filled(value, values) for key, value in pattern.items()}
    if isinstance(pattern, Sequence):
        return [filled(value, values) for value in pattern]
    return pattern


PAUSE = 0.5
"""Seconds between two attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: a claim, whether it holds, and what was seen where it does not."""

    name: str
    ok: bool
    detail: str = ""

    @classmethod
    def of(cls, name: str, problems: Iterable[str]) -> Self:
        """Make a check that holds if there are no problems."""
        found = list(problems)
        return cls(name=name, ok=not found, detail="; ".join(found))


class Installed(Protocol):
    """A module, and the cluster it is in."""

    @property
    def module(self) -> Module:
        """The module that was enabled."""

    @property
    def provider(self) -> Provider:
        """The cluster's provider, which reaches the module's Services."""


Script = Callable[[Installed, Client], Awaitable[Iterable[Check]]]
"""The function ``checks`` of the file that ``module.yaml`` names under ``verify.script``."""


async def verify(
    installed: Installed, client: Client, *, kyma: str = DEFAULT_KYMA, within: float = 10
) -> list[Check]:
    """Take every check, again for so many seconds while one does not hold, and return what came last.

    What is Ready need not stay so: an answer that is under way in the original module-manager can turn a
    Manifest to Error for a moment (contract 2.4.9). What cannot be asked for does not hold. Of a module that
    is not enabled nothing can come to hold, so that is said at once, with what the Kyma says all the same.
    """
    module = installed.module
    if missing := await _lack_of_listing(client, module, kyma):
        return [missing, *await _taken(lambda: _checks_of_any_kyma(client, kyma))]
    retrying = AsyncRetrying(
        stop=stop_after_delay(within),
        wait=wait_fixed(PAUSE),
        retry=retry_if_result(_some_do_not_hold),
        retry_error_callback=_last_result,
    )
    file = installed.module.verification.script
    script = load_script(file) if file else None  # once: it may do more than define a function
    checks: list[Check] = await retrying(_all_checks, installed, client, kyma, script)
    return checks


async def _all_checks(installed: Installed, client: Client, kyma: str, script: Script | None) -> list[Check]:
    module = installed.module
    steps: list[Callable[[], Awaitable[Iterable[Check]]]] = [
        lambda: _resource_checks(client, module, kyma),
        lambda: _kyma_checks(client, module, kyma),
    ]
    if module.verification.log:
        steps.append(lambda: _log_checks(client, module, kyma))
    if script:
        steps.append(lambda: script(installed, client))
    return [check for step in steps for check in await _taken(step)]


def _some_do_not_hold(checks: list[Check]) -> bool:
    return not all(check.ok for check in checks)


async def _last_result(state: RetryCallState) -> list[Check]:
    checks: list[Check] = state.outcome.result() if state.outcome else []
    return checks


def load_script(path: Path) -> Script:
    """Load a module's own checks from a file that is no part of a package."""
    spec = importlib.util.spec_from_file_location(f"verify_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise ModuleError(f"verify.script: {path} is not a Python file")
    script = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(script)
    except ModuleNotFoundError as error:
        raise ModuleError(f"verify.script: {path} needs more than there is: {lacking(error)}") from None
    checks: Script | None = getattr(script, "checks", None)
    if checks is None:
        raise ModuleError(f"verify.script: {path} has no function `checks(installed, client)`")
    return checks


async def _taken(step: Callable[[], Awaitable[Iterable[Check]]]) -> list[Check]:
    try:
        return list(await step())
    except (ControllerError, HarnessError, OSError) as error:
        return [Check(name="the cluster can be asked", ok=False, detail=str(error) or type(error).__name__)]


async def _lack_of_listing(client: Client, module: Module, kyma: str) -> Check | None:
    """Return what does not hold where the Kyma does not list the module; None where that cannot be said."""
    try:
        seen = await client.get(KYMA, kyma, KCP_NAMESPACE)
    except ControllerError:
        return None
    listed = [entry["name"] for entry in seen["spec"].get("modules") or []]
    if module.short_name in listed:
        return None
    return Check(
        name=f"Kyma {KCP_NAMESPACE}/{kyma} lists the module {module.short_name}",
        ok=False,
        detail=f"it lists {', '.join(listed) or 'none'}: `kyma-harness enable` adds it",
    )


async def _resource_checks(client: Client, module: Module, kyma: str) -> list[Check]:
    name, default = instance_name(module.short_name, kyma), module.default_cr
    seen = await client.get(Kind.of(dict(default)), name, KCP_NAMESPACE)
    subject = f"{default['kind']} {KCP_NAMESPACE}/{name}"
    checks = [
        Check.of(
            f"{subject} has the default's labels",
            differences(default.get("metadata", {}).get("labels", {}), seen["metadata"].get("labels", {})),
        ),
        Check.of(
            f"{subject} has the default's spec", differences_from_default(module, seen.get("spec") or {})
        ),
        Check.of(f"{subject} is Ready", differences({"state": "Ready"}, seen.get("status", {}))),
    ]
    if finalizer := module.verification.finalizer:
        checks.insert(0, _holds_finalizer(subject, seen, finalizer))
    return checks


def differences_from_default(module: Module, spec: Object) -> list[str]:
    """Return where a spec lacks what the default has, unless it is what the module's users may switch."""
    found = differences({"spec": module.default_cr.get("spec") or {}}, {"spec": spec})
    words = [one.removeprefix("spec.") for one in found]
    if (switch := module.switch) is None or switch.value_of({"spec": spec}) not in switch.values:
        return words
    return [one for one in words if not one.startswith(f"{switch.path.removeprefix('spec.')} is ")]


async def _checks_of_any_kyma(client: Client, kyma: str) -> list[Check]:
    seen = await client.get(KYMA, kyma, KCP_NAMESPACE)
    subject, metadata, status = f"Kyma {KCP_NAMESPACE}/{kyma}", seen["metadata"], seen.get("status", {})
    return [
        _holds_finalizer(subject, seen, KYMA_FINALIZER),
        Check.of(
            f"{subject} is managed by lifecycle-manager",
            differences({MANAGED_BY: LIFECYCLE_MANAGER}, metadata.get("labels", {})),
        ),
        Check.of(
            f"{subject} is Ready in its channel",
            differences({"state": "Ready", "activeChannel": seen["spec"]["channel"]}, status),
        ),
    ]


async def _kyma_checks(client: Client, module: Module, kyma: str) -> list[Check]:
    seen = await client.get(KYMA, kyma, KCP_NAMESPACE)
    subject, status = f"Kyma {KCP_NAMESPACE}/{kyma}", seen.get("status", {})
    entries = [entry for entry in status.get("moduleStatus", []) if entry["moduleName"] == module.short_name]
    return [
        *await _checks_of_any_kyma(client, kyma),
        Check.of(f"{subject} says ModulesAreReady", _condition_problems(seen)),
        Check.of(
            f"{subject} lists the module with its template",
            differences([await _module_status(client, module, kyma)], entries, "moduleStatus"),
        ),
    ]


async def _module_status(client: Client, module: Module, kyma: str) -> Object:
    """Return what the Kyma's status should say of the module (contract 1.1)."""
    name = instance_name(module.short_name, kyma)
    manifest = await client.get(MANIFEST, name, KCP_NAMESPACE)
    template = await client.get(MODULE_TEMPLATE, f"moduletemplate-{module.short_name}", KCP_NAMESPACE)
    return {
        "moduleName": module.short_name,
        "name": name,
        "namespace": KCP_NAMESPACE,
        "generation": manifest["metadata"]["generation"],
        "state": "Ready",
        "templateInfo": {
            "name": template["metadata"]["name"],
            "namespace": KCP_NAMESPACE,
            "generation": template["metadata"]["generation"],
            "channel": module.channel,
            "version": module.version,
            "gvk": {"group": MANIFEST.group, "version": MANIFEST.version, "kind": MANIFEST.kind},
        },
    }


def _condition_problems(kyma: Object) -> list[str]:
    expected = {
        "type": "Ready",
        "reason": "ModulesAreReady",
        "status": "True",
        "message": "all modules are in ready state",
    }
    conditions = kyma.get("status", {}).get("conditions", [])
    found = [condition for condition in conditions if condition["reason"] == expected["reason"]]
    problems = differences([expected], found, "conditions")
    observed = [condition.get("observedGeneration", 0) for condition in found]
    # The condition is rewritten only when its status changes, so it may be of an older generation.
    if not all(1 <= generation <= kyma["metadata"]["generation"] for generation in observed):
        problems.append(f"observedGeneration is {observed}, the Kyma's is {kyma['metadata']['generation']}")
    return problems


def _holds_finalizer(subject: str, seen: Object, finalizer: str) -> Check:
    held = seen["metadata"].get("finalizers", [])
    return Check(
        name=f"{subject} has the finalizer {finalizer}",
        ok=finalizer in held,
        detail=f"it has {', '.join(held) or 'none'}",
    )


async def _log_checks(client: Client, module: Module, kyma: str) -> list[Check]:
    names = {"name": instance_name(module.short_name, kyma), "namespace": KCP_NAMESPACE}
    expected = filled(module.verification.log, names)
    manager = module.manager
    read = await read_records(client, ObjectKey(name=manager.deployment, namespace=manager.namespace))
    closest = min(
        (differences(expected, one.fields) for one in read.records),
        key=len,
        default=["the log has no JSON line"],
    )
    problems = [*closest, *read.gaps] if closest else []
    return [Check.of(f"the log of {manager.deployment} has the line of a pass", problems)]
