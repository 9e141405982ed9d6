"""The real k3d understands our configuration and our command lines; it fails only for want of Docker."""

import tempfile
from pathlib import Path

import pytest
import yaml

from kyma_harness.clusters.errors import ProviderUnavailableError
from kyma_harness.clusters.k3d import K3dCli, K3dPlan, config
from kyma_harness.host.errors import CommandError

NO_DOCKER = "Cannot connect to the Docker daemon"


pytestmark = pytest.mark.usefixtures("no_docker")


def a_plan(**changes):
    return K3dPlan(
        **{
            "cluster": "kyma",
            "folder": Path("/home/me/clusters/kyma"),
            "api_port": 26550,
            "registry_port": 5001,
            "registry_image": "registry:3",
        }
        | changes
    )


@pytest.fixture
def cli(real_k3d, tmp_path):
    return K3dCli(real_k3d, kubeconfig=tmp_path / "kubeconfig")


def written(tmp_path, described):
    file = tmp_path / "k3d.yaml"
    file.write_text(yaml.safe_dump(described))
    return file


@pytest.mark.parametrize("image", [None, "rancher/k3s:v1.30.0-k3s1"])
async def test_the_configuration_is_of_its_schema(cli, tmp_path, image):
    file = written(tmp_path, config(a_plan(node_image=image)))

    with pytest.raises(CommandError) as failed:
        await cli.create(file)

    assert NO_DOCKER in failed.value.output
    assert "Schema Validation" not in failed.value.output


async def test_a_creation_that_fails_leaves_no_temporary_file(cli, tmp_path, monkeypatch):
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    with pytest.raises(CommandError):
        await cli.create(written(tmp_path, config(a_plan())))

    assert list(scratch.iterdir()) == []


async def test_a_field_it_does_not_know_is_refused(cli, tmp_path):
    file = written(tmp_path, config(a_plan()) | {"server": 1})

    with pytest.raises(CommandError, match="Schema Validation failed"):
        await cli.create(file)


@pytest.mark.parametrize(
    "command",
    [
        lambda cli, _: cli.start("kyma"),
        lambda cli, _: cli.delete_registry("k3d-kyma-registry"),
        lambda cli, _: cli.kubeconfig("kyma"),
        lambda cli, folder: cli.import_image("kyma", folder / "image.tar"),
    ],
    ids=["start", "delete_registry", "kubeconfig", "import_image"],
)
async def test_every_command_line_gets_as_far_as_docker(cli, tmp_path, command):
    with pytest.raises(CommandError) as failed:
        await command(cli, tmp_path)

    assert NO_DOCKER in failed.value.output
    assert "unknown" not in failed.value.output


async def test_a_deletion_is_understood_and_without_docker_finds_nothing(cli):
    # An unknown flag would be an error; a daemon that does not answer is none to this command.
    await cli.delete("kyma")


async def test_its_version_is_read(cli):
    version = await cli.version()

    assert version.major == 5


async def test_it_is_found_on_the_path(real_k3d, tmp_path):
    found = K3dCli.find(kubeconfig=tmp_path / "kubeconfig", path=str(real_k3d.parent))

    assert (await found.version()).major == 5


def test_where_it_is_not_on_the_path_the_remedy_is_named(tmp_path):
    with pytest.raises(ProviderUnavailableError, match=r"install k3d 5\.5\.2 or newer"):
        K3dCli.find(kubeconfig=tmp_path / "kubeconfig", path=str(tmp_path))
