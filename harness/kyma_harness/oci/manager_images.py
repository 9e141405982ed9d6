"""Make images of the lifecycle managers, of which none is published any more, and deploy those."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import kubeloop
from kubeloop.resource import Object
from kyma_harness.host.choices import Choice
from kyma_harness.kyma.pair import BINARIES, LifecycleManagers
from kyma_harness.oci.assemble import assemble, of_program
from kyma_harness.oci.image import Image
from kyma_harness.oci.recipe import Assembly

PROGRAM = "/manager"
"""The command of both Deployments as Kyma shipped them."""
SOURCES = {"/app/kubeloop": Path(kubeloop.__path__[0]), "/app/kyma_harness": Path(__file__).parents[1]}
"""What the built-in pair is made of, by its place in an image."""
EXTRA_ARGS = {
    "lifecycle-manager": ("--failure-base-delay=100ms", "--failure-max-delay=2s"),
    "module-manager": ("--custom-state-check", "--failure-base-delay=100ms", "--failure-max-delay=2s"),
}
"""As in the process rules: no minutes of exponential polling, and Ready means that the module is."""
REQUESTS = {"cpu": "20m", "memory": "64Mi"}
"""As shipped, each asks for half a core: on two cores the second would never be scheduled."""


async def images_of(managers: LifecycleManagers, tools: Path) -> list[Image]:
    """Make an image of each manager of a pair."""
    if managers.pair is Choice.BUILTIN:
        return [await _builtin(name, tools) for name in BINARIES]
    folder = Path(managers.placeholders["kyma"])
    return [of_program(name, "2022", folder / name, path=PROGRAM) for name in BINARIES]


def with_images(managers: LifecycleManagers, references: Mapping[str, str]) -> LifecycleManagers:
    """Let the Deployments run these images, by name of the manager, with the arguments that tests need."""
    return replace(managers, objects=[_with_image(item, references) for item in managers.objects])


async def _builtin(name: str, tools: Path) -> Image:
    described = Assembly(
        distribution="kubeloop",
        also=("jsonschema", "semver", "tenacity"),
        tools=("helm", "kubectl"),
        files=SOURCES,
        environment={"PYTHONPATH": "/app"},
        entrypoint=("python", "-m", f"kyma_harness.managers.{name.replace('-', '_')}"),
    )
    return await assemble(name, "builtin", described, tools)


def _with_image(item: Object, references: Mapping[str, str]) -> Object:
    if item["kind"] != "Deployment":
        return item
    changed = deepcopy(item)
    for container in changed["spec"]["template"]["spec"]["containers"]:
        name = container["image"].rpartition("/")[2].partition(":")[0]
        if name in references:
            container["image"] = references[name]
            container["imagePullPolicy"] = "IfNotPresent"
            container["args"] = [*container.get("args", ()), *EXTRA_ARGS[name]]
            container.setdefault("resources", {})["requests"] = dict(REQUESTS)
    return changed
