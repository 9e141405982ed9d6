"""What a container sees where the host lets it have a root of its own; the rest of the suite runs so, too."""

import os
from pathlib import Path

import pytest
from node_builders import rules
from pod_builders import a_pod, hooks, probe, shell, sleeper
from pod_rig import running_pod

from kyma_harness.host.mount_namespace import Privilege, planned_root
from kyma_harness.host.process import run
from kyma_harness.node.containers.view import Mounting, probe_mounting

DATA = [{"name": "data", "mountPath": "/data"}]
EMPTY_DIR = [{"name": "data", "emptyDir": {}}]
FILES = """
- image: "test/shell:*"
  files: {/module-chart: chart, /etc/module/config.yaml: chart/values.yaml}
"""


@pytest.fixture
async def mounting(tmp_path):
    """The way by which containers get a root here; a host that allows none has nothing to show."""
    found = await probe_mounting(tmp_path / "probe")
    if found.privilege is None:
        pytest.skip(f"this host allows no mount namespaces: {found.reason}")
    return found


@pytest.fixture
def module(tmp_path):
    """A module's rules, with files that stand for those of its image."""
    chart = tmp_path / "module" / "chart"
    chart.mkdir(parents=True)
    (chart / "values.yaml").write_text("replicas: 1\n")
    return rules(FILES, source=tmp_path / "module" / "rules.yaml")


async def output(pod, tmp_path, **options):
    """Return what a pod's container writes until it is over."""
    async with running_pod(pod, tmp_path, **options) as rig:
        await rig.until(lambda: rig.exit_code() is not None, what="the end")
        assert rig.exit_code() == 0, await rig.log()
        return await rig.log()


def once(script, **fields):
    return a_pod(shell(script, **fields), restartPolicy="Never", volumes=EMPTY_DIR)


async def test_a_volume_is_at_its_own_path_however_a_program_comes_by_that(tmp_path, mounting):
    script = 'D=/da; echo hello > "$D"ta/x; cd /; cat data/x; ls -d */ | grep -x data/'

    said = await output(once(script, volumeMounts=DATA), tmp_path, mounting=mounting)

    assert said == "hello\ndata/\n"
    assert not is_on_host("/data/x")


@pytest.mark.parametrize(
    "path", ["/etc/module/data", "/usr/share/module", "/var/run/module", "/dev/module", "/srv"]
)
async def test_a_mount_point_that_the_host_has_not_hides_nothing_of_the_host(tmp_path, mounting, path):
    mounts = [{"name": "data", "mountPath": path}]
    script = f"echo here > {path}/x; cat {path}/x /etc/passwd | head -1; cat /etc/hostname > /dev/null; id -u"

    said = await output(once(script, volumeMounts=mounts), tmp_path, mounting=mounting)

    assert said == f"here\n{os.getuid()}\n"


async def test_the_host_is_called_as_the_pod(tmp_path, mounting):
    said = await output(once("uname -n; echo $HOSTNAME"), tmp_path, mounting=mounting)

    assert said == "web-0\nweb-0\n"
    assert os.uname().nodename != "web-0"


async def test_a_mount_within_a_mount_lies_in_it(tmp_path, mounting):
    mounts = [*DATA, {"name": "data", "mountPath": "/data/inner", "subPath": "other"}]
    script = "echo one > /data/inner/x; cat /data/other/x; ls /data/inner"

    assert await output(once(script, volumeMounts=mounts), tmp_path, mounting=mounting) == "one\nx\n"


async def test_what_a_mount_covers_is_found_all_the_same(tmp_path, mounting):
    mounts = [{"name": "data", "mountPath": str(tmp_path)}]
    script = 'cd "$HOME" && touch here && ls && test -d "$TMPDIR" && ls ' + str(tmp_path)

    assert await output(once(script, volumeMounts=mounts), tmp_path, mounting=mounting) == "here\n"


async def test_each_start_has_a_root_without_a_trace_of_the_one_before(tmp_path, mounting):
    again = tmp_path / "again"
    script = f"test -e /trace && exit 7; touch /trace; pwd; test -e {again} && exit 0; touch {again}; exit 1"
    of = a_pod(shell(script), restartPolicy="OnFailure")
    async with running_pod(of, tmp_path, mounting=mounting) as rig:
        await rig.until(lambda: rig.status.get("phase") == "Succeeded", what="success")

        assert await rig.log() == "/\n"
    assert not is_on_host("/trace")


@pytest.mark.parametrize("privilege", [None, "found"])
async def test_files_of_the_image_are_there_and_are_never_those_of_the_team(
    tmp_path, mounting, module, privilege
):
    way = mounting if privilege else Mounting(privilege=None)
    script = (
        "echo more >> module-chart/values.yaml; cat /module-chart/values.yaml; cat /etc/module/config.yaml"
    )

    said = await output(once(script), tmp_path, mounting=way, rules=module)

    assert said == "replicas: 1\nmore\nreplicas: 1\n"
    assert (tmp_path / "module" / "chart" / "values.yaml").read_text() == "replicas: 1\n"


async def test_a_file_of_the_image_that_is_missing_is_told(tmp_path, module):
    (tmp_path / "module" / "chart" / "values.yaml").unlink()
    async with running_pod(once("true"), tmp_path, rules=module) as rig:
        await rig.until_state("CreateContainerConfigError")

        assert "file /etc/module/config.yaml of the image" in rig.container()["state"]["waiting"]["message"]


async def test_hooks_and_probes_see_what_the_container_sees(tmp_path, mounting):
    web = sleeper(
        volumeMounts=DATA,
        readinessProbe=probe("test -e /data/hook && test -e /tmp-of-mine"),
        **hooks(postStart="touch /data/hook /tmp-of-mine"),
    )
    async with running_pod(a_pod(web, volumes=EMPTY_DIR), tmp_path, mounting=mounting) as rig:
        await rig.until(lambda: rig.container().get("ready"), what="readiness")


async def test_a_client_library_finds_the_cluster_as_within_one(tmp_path, mounting):
    token = {"name": "data", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    mounts = [{"name": "data", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]
    folder, address = mounts[0]["mountPath"], "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"
    script = f'cat {folder}/token; echo " {address}"'
    of = a_pod(shell(script, volumeMounts=mounts), restartPolicy="Never", volumes=[token])

    assert await output(of, tmp_path, mounting=mounting) == "token-1 127.0.0.1:1\n"


async def test_a_working_folder_that_the_image_would_have_is_made_and_is_never_the_hosts(tmp_path, mounting):
    there = tmp_path / "there"
    there.mkdir()
    for folder in ("/app/deep", str(there)):
        of = once("touch here; pwd; ls", workingDir=folder)

        assert (
            await output(of, tmp_path / folder.strip("/").replace("/", "-"), mounting=mounting)
            == f"{folder}\nhere\n"
        )
    assert not list(there.iterdir())
    assert not is_on_host("/app/deep")


async def test_a_link_in_a_volume_leads_no_mount_out_of_it(tmp_path, mounting):
    volume, elsewhere = tmp_path / "volume", tmp_path / "elsewhere"
    volume.mkdir()
    elsewhere.mkdir()
    (volume / "inner").symlink_to(elsewhere)

    with pytest.raises(OSError, match="leads out of what is mounted above it, by a link"):
        planned_root(
            _new(tmp_path / "root"),
            {"/data": volume, "/data/inner/deep": elsewhere},
            cwd="/",
            privilege=mounting.privilege,
        )


async def test_a_user_namespace_does_where_we_are_not_root(tmp_path):
    file = tmp_path / "word"
    file.write_text("seen")
    root = planned_root(
        _new(tmp_path / "root"), {"/etc/kyma/word": file}, cwd="/", privilege=Privilege.USER_NAMESPACE
    )

    try:
        seen = await run(["sh", "-c", "cat /etc/kyma/word; id -u"], timeout=60, root=root)
    except Exception as error:  # noqa: BLE001 - whatever it says, this host allows none
        pytest.skip(f"this host allows no user namespaces: {error}")

    assert seen.stdout == f"seen{os.getuid()}\n"


def is_on_host(path):
    return Path(path).exists()


def _new(folder):
    folder.mkdir()
    return folder
