"""The Docker adapter: without a daemon, with a recorded one, and with a real one where it is at hand."""

import asyncio
import os
import re
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker_daemon import a_container

from kyma_harness.clusters.docker import Docker
from kyma_harness.clusters.errors import BuildError, DockerError
from kyma_harness.oci.assemble import Entry, layer
from kyma_harness.oci.image import Image, Process, write_archive

NOBODY = 65534
MADE = ("kyma-harness/built:1", "kyma-harness/loaded:1", "localhost:1/built:1")
"""The images that the tests below give the real daemon."""


async def version():
    async with Docker.connect() as docker:
        return docker.version


@pytest.mark.usefixtures("no_docker")
async def test_where_nobody_answers_the_address_and_the_remedies_are_named():
    with pytest.raises(
        DockerError, match=r"tcp://127\.0\.0\.1:1 \(Connection refused\).*\$DOCKER_HOST"
    ) as failed:
        await version()

    assert "--harness-provider=embedded" in str(failed.value)


async def test_a_socket_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    with pytest.raises(DockerError, match=r"docker\.sock \(No such file or directory\)"):
        await version()


@contextmanager
def not_as_root():
    """Be nobody while the block runs: root may use any socket."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_a_daemon_that_refuses_this_user_says_how_to_be_let_in(monkeypatch, tmp_path):
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        await asyncio.to_thread(os.getpid)  # whatever threads import may be readable for root alone

        with not_as_root(), pytest.raises(DockerError, match="join the group docker"):
            await version()


async def test_containers_are_found_by_their_label(daemon):
    ours = a_container(labels={"kyma-harness.io/cluster": "kyma"}, ports={"5000/tcp": "5001"})
    daemon.put({"ours": ours, "other": a_container()})
    async with Docker.connect() as docker:
        (found,) = await docker.containers("kyma-harness.io/cluster=kyma")
        others = await docker.containers("kyma-harness.io/cluster=other")

    assert (found.name, found.running, found.ports) == ("ours", True, {"5000/tcp": "5001"})
    assert found.addresses == {"bridge": "172.17.0.2"}
    assert others == []


@pytest.mark.usefixtures("daemon")
async def test_what_is_not_there_is_removed_without_an_error():
    async with Docker.connect() as docker:
        await docker.remove("nothing")
        await docker.remove_network("nothing")
        await docker.remove_volume("nothing")

        assert await docker.container("nothing") is None


CALLS = {
    "container": lambda docker: docker.container("one"),
    "containers": lambda docker: docker.containers("label"),
    "run_registry": lambda docker: docker.run_registry("one", image="registry:3", port=5001, labels={}),
    "connect_network": lambda docker: docker.connect_network("one", "net"),
    "remove": lambda docker: docker.remove("one"),
    "remove_network": lambda docker: docker.remove_network("net"),
    "remove_volume": lambda docker: docker.remove_volume("vol"),
    "logs": lambda docker: docker.logs("one"),
    "write_file": lambda docker: docker.write_file("one", Path("/etc/file"), "content"),
    "image_id": lambda docker: docker.image_id("one:1"),
    "remove_image": lambda docker: docker.remove_image("one:1"),
    "tag": lambda docker: docker.tag("one:1", "other", "1"),
}


@pytest.mark.parametrize("broken", [(500, "the disk is full"), (0, "")], ids=["an error", "no answer"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_what_the_daemon_cannot_do_is_told_in_a_sentence(daemon, call, broken):
    daemon.put({"one": a_container()})
    async with Docker.connect() as docker:
        daemon.broken = broken

        with pytest.raises((DockerError, BuildError), match="the disk is full|stopped answering") as raised:
            await call(docker)

    assert re.match(r"(registry|container|containers|network|volume|log|file|image)\b", str(raised.value))


async def test_a_container_that_went_meanwhile_is_named(daemon):
    async with Docker.connect() as docker:
        with pytest.raises(DockerError, match="log of container one: Docker refuses: No such container"):
            await docker.logs("one")


async def test_a_container_is_connected_to_a_network_once(daemon):
    daemon.put({"one": a_container()})
    async with Docker.connect() as docker:
        await docker.connect_network("one", "kind")

        assert daemon.containers["one"]["networks"]["kind"]


@pytest.fixture
async def real():
    """A real daemon, as $DOCKER_HOST says."""
    try:
        await version()
    except DockerError as error:
        pytest.skip(str(error))
    async with Docker.connect() as docker:
        yield docker
        for image in MADE:
            await docker.remove_image(image)


@pytest.fixture
def context(tmp_path):
    """Write a build's context around a Dockerfile that needs no base image."""

    def write(dockerfile):
        (tmp_path / "file").write_text("content")
        (tmp_path / "Dockerfile").write_text(dockerfile)
        return tmp_path

    return write


async def test_an_image_is_built_and_its_progress_told(real, context):
    said = []
    folder = context("FROM scratch\nCOPY file /file\n")

    await real.build(
        context=folder, dockerfile=folder / "Dockerfile", tag="kyma-harness/built:1", say=said.append
    )

    assert any(line.startswith("Step 2/2 : COPY file /file") for line in said)
    assert (await real.image_id("kyma-harness/built:1")).startswith("sha256:")


async def test_a_build_that_fails_says_which_step_it_was(real, context):
    folder = context("FROM scratch\nCOPY nothing /file\n")

    with pytest.raises(BuildError, match=r"(?s)thing:1 cannot be built .*nothing.*Step 2/2 : COPY") as failed:
        await real.build(context=folder, dockerfile=folder / "Dockerfile", tag="thing:1", say=lambda _: None)

    assert "--harness-image=assembled" in str(failed.value)


async def test_a_dockerfile_that_makes_no_sense_is_refused_in_a_sentence(real, context):
    folder = context("FORM scratch\n")

    with pytest.raises(BuildError, match="unknown instruction: FORM"):
        await real.build(context=folder, dockerfile=folder / "Dockerfile", tag="thing:1", say=lambda _: None)


async def test_an_archive_of_ours_is_loaded(real, tmp_path):
    content = layer([Entry(path="/file", content=b"content")])
    image = Image(name="x", version="1", layers=(content,), process=Process(entrypoint=("/file",)))
    write_archive(image, "kyma-harness/loaded:1", tmp_path / "image.tar")

    await real.load(tmp_path / "image.tar")

    assert await real.image_id("kyma-harness/loaded:1") == image.config.digest


async def test_a_registry_that_is_not_there_refuses_the_push(real, context):
    folder = context("FROM scratch\nCOPY file /file\n")
    tag = "localhost:1/built:1"
    await real.build(context=folder, dockerfile=folder / "Dockerfile", tag=tag, say=lambda _: None)

    with pytest.raises(BuildError, match="cannot be pushed"):
        await real.push(tag, lambda _: None)


async def test_an_image_of_a_registry_that_nobody_has_is_explained(real):
    with pytest.raises((BuildError, DockerError), match="registry kyma-harness-test"):
        await real.run_registry(
            "kyma-harness-test", image="localhost:1/no-such-image:1", port=1, labels={"a": "b"}
        )
