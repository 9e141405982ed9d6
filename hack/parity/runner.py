"""Run cases with one pair of managers, each on a stage of its own, and record what was seen."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tenacity import RetryError

from hack.parity.case import Case
from hack.parity.normal import Normaliser
from hack.parity.recorder import Recorder
from hack.parity.recording import Recording
from hack.parity.rig import Rig, running_rig
from hack.parity.sample_module import Specimens
from hack.parity.stage import Stage
from kubeloop.client import Client
from kubeloop.errors import ControllerError, KindAbsentError, NotFoundError
from kubeloop.kinds import CONFIG_MAP, CRD, EVENT, NAMESPACE
from kubeloop.resource import Kind, Object
from kyma_harness.host.errors import HarnessError
from kyma_harness.kyma.contract import KCP_NAMESPACE, KYMA, MANIFEST, MODULE_TEMPLATE
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.toolchain.toolchain import ToolPaths
from kyma_harness.wait.waits import WaitError

DONE = "done"
Say = Callable[[str], None]


async def run_pair(
    managers: LifecycleManagers,
    cases: Sequence[Case],
    *,
    module: Module,
    tools: ToolPaths,
    folder: Path,
    say: Say,
) -> AsyncGenerator[Recording, None]:
    """Run cases one after the other in one cluster, and yield what was recorded of each.

    ``folder`` takes the cluster's state and the charts.
    """
    async with running_rig(managers, tools, folder, say) as rig:
        for number, case in enumerate(cases, start=1):
            for slug in (f"case{number:02}", f"case{number:02}again"):
                specimens = Specimens(module, slug=slug, folder=folder / slug)
                recording, is_gapless = await _record(rig, case, slug, specimens, str(managers.pair))
                if is_gapless:
                    break
                say(f"{managers.pair} {case.name}: a watch was interrupted, and states may have been missed")
            say(f"{managers.pair} {case.name}: {recording.outcome} ({recording.seconds:.1f} s)")
            yield recording


async def _record(rig: Rig, case: Case, slug: str, specimens: Specimens, pair: str) -> tuple[Recording, bool]:
    """Run a case; return what was recorded, and whether that is everything."""
    recorder, normaliser = Recorder(rig.client, slug), Normaliser(slug)
    started = time.monotonic()
    await rig.open_gate()
    async with recorder.running():
        stage = Stage(rig=rig, slug=slug, specimens=specimens, recorder=recorder, kyma=slug)
        outcome = await _outcome(case, stage)
        left = [obj async for obj in _objects(rig.client, slug)]
        recording = Recording(
            case=case.name,
            pair=pair,
            outcome=normaliser.text(outcome),
            seconds=round(time.monotonic() - started, 1),
            sequences=recorder.sequences(),
            objects={normaliser.ref(obj): normaliser.obj(obj) for obj in left},
            events=await _events(rig.client, slug, normaliser),
        )
    await _clear(rig.client, slug, left)
    return recording, recorder.is_gapless()


async def _outcome(case: Case, stage: Stage) -> str:
    try:
        await case.run(stage)
    except (WaitError, ControllerError, HarnessError, RetryError, TimeoutError) as error:
        return str(error).partition("\n")[0] or type(error).__name__
    return DONE


async def _objects(client: Client, slug: str) -> AsyncIterator[Object]:
    """Yield whatever there is of a case: its own kinds, the managers' kinds, and what charts bring."""
    definitions = [item for item in (await client.list(CRD)).items if slug in item["metadata"]["name"]]
    for item in definitions:
        spec = item["spec"]
        kind = Kind(group=spec["group"], version=spec["versions"][0]["name"], kind=spec["names"]["kind"])
        with suppress(NotFoundError, KindAbsentError):
            for obj in (await client.list(kind)).items:
                yield obj
        yield item
    for kind in (KYMA, MANIFEST, CONFIG_MAP, NAMESPACE):
        for obj in (await client.list(kind)).items:
            if obj["metadata"]["name"].startswith(slug):
                yield obj


async def _events(client: Client, slug: str, normaliser: Normaliser) -> list[str]:
    said = set()
    for event in (await client.list(EVENT, namespace=KCP_NAMESPACE)).items:
        about = event["involvedObject"]
        if about["name"].startswith(slug) and about["kind"] in {KYMA.kind, MANIFEST.kind}:
            source = (event.get("source") or {}).get("component", "")
            text = f"{about['kind']} {about['name']} {event['type']} {event['reason']}: {event['message']}"
            said.add(normaliser.text(f"{text} [{source}]"))
    return sorted(said)


async def _clear(client: Client, slug: str, left: Sequence[Object]) -> None:
    """Take away what is left of a case, finalizers and all, so that no manager is busy with it any more."""
    templates = (await client.list(MODULE_TEMPLATE, namespace=KCP_NAMESPACE)).items
    own = [item for item in templates if item["metadata"]["name"].startswith(slug)]
    order = [KYMA.kind, MANIFEST.kind]
    for obj in sorted([*own, *left], key=lambda one: one["kind"] not in order):
        await _take_away(client, obj)


async def _take_away(client: Client, obj: Object) -> None:
    kind, metadata = Kind.of(obj), obj["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace")
    with suppress(NotFoundError, KindAbsentError):
        await client.delete(kind, name, namespace=namespace)
        if metadata.get("finalizers") and kind not in (CRD, NAMESPACE):
            freed: Object = {"metadata": {"finalizers": []}}
            await client.merge_patch(kind, name, freed, namespace=namespace)
