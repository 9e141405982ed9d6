"""module/Dockerfile, built for real where a Docker daemon has its bases or can pull them."""

import json
import re

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from kyma_harness.clusters.docker import Docker
from kyma_harness.clusters.errors import DockerError
from kyma_harness.oci.recipe import Recipe
from kyma_harness.session.options import PROJECT, answers

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

RECIPE = Recipe.load(PROJECT / "module" / "image.yaml")
TAG = "kyma-harness/eventing-manager:test"
LOOK = """
import importlib.util, json, os, shutil, sys
import eventing_manager.app
loaded = [one.__file__ for one in sys.modules.values() if str(getattr(one, "__file__", "")).endswith(".py")]
unwanted = ("pip", "setuptools", "harness", "pytest")
print(json.dumps({
    "user": os.getuid(),
    "unwanted": [name for name in unwanted if importlib.util.find_spec(name)],
    "without byte code": [one for one in loaded if not os.path.exists(importlib.util.cache_from_source(one))],
    "tools": [shutil.which(name) for name in ("helm", "sh")],
    "charts": sorted(os.listdir("/module-chart")),
    "sboms": os.listdir("/usr/local/share/sbom"),
}))
"""


@pytest.fixture(scope="module")
def daemon(portal):
    """A client of the real daemon, as $DOCKER_HOST says."""

    async def look():
        async with Docker.connect():
            return

    try:
        portal.call(look())
    except DockerError as error:
        pytest.skip(str(error))
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def built(daemon, portal):
    """The image, built as the harness builds it; its bases may be named otherwise, as for the harness."""
    args = answers({})["build_args"]
    for base in _bases(args):
        _have(daemon, base)

    async def build():
        async with Docker.connect() as adapter:
            await adapter.build(
                context=RECIPE.context, dockerfile=RECIPE.dockerfile, tag=TAG, args=args, say=lambda _: None
            )

    portal.call(build())
    yield daemon.images.get(TAG)
    daemon.images.remove(TAG)


def _bases(args):
    text = RECIPE.dockerfile.read_text()
    pinned = re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", text, re.MULTILINE)
    return [args.get(name, base) for name, base in pinned]


def _have(daemon, base):
    try:
        daemon.images.get(base)
    except ImageNotFound:
        try:
            daemon.images.pull(base)
        except DockerException as error:
            pytest.skip(f"the base {base} is out of reach, name another in $KYMA_HARNESS_BUILD_ARGS: {error}")


def in_container(daemon, *command, **changes):
    """Run a command in a container as its pod would: nothing to write to, and no network."""
    options = {"read_only": True, "network_mode": "none", "remove": True, "stderr": True} | changes
    return daemon.containers.run(TAG, list(command), **options).decode()


def test_it_starts_the_manager(built, daemon):
    assert built.attrs["Config"]["Entrypoint"] == list(RECIPE.assembly.entrypoint)
    assert built.attrs["Config"]["User"] == RECIPE.assembly.user
    assert "--leader-elect" in in_container(daemon, "--help")


def test_it_holds_what_the_manager_needs_at_run_time_and_nothing_to_install_with(built, daemon):
    seen = json.loads(in_container(daemon, "-c", LOOK, entrypoint=["python"]))

    assert seen["user"] == 65532
    assert seen["unwanted"] == []
    assert seen["without byte code"] == []
    assert None not in seen["tools"]
    assert "Chart.yaml" in seen["charts"]
    assert seen["sboms"] == ["eventing-manager.cdx.json"]


def test_helm_renders_the_chart_in_it(built, daemon):
    arguments = ["template", "eventing", "/module-chart", "--set=nats.auth.password=secret"]

    rendered = in_container(daemon, *arguments, entrypoint=["helm"])

    assert "kind: StatefulSet" in rendered
