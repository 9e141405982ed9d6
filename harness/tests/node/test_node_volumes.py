import base64
import re
from pathlib import Path

import pytest
from node_builders import Claims, Issuer, Objects, container, facts, pod

from kyma_harness.node.errors import VolumeError
from kyma_harness.node.identity.tokens import PodTokens
from kyma_harness.node.volumes.payload import Payload
from kyma_harness.node.volumes.volumes import Volumes


@pytest.fixture
def make(tmp_path):
    def build(*volumes, api=None, mounts=(), **metadata):
        of = pod(container(volumeMounts=list(mounts)), volumes=volumes, metadata=metadata)
        known = facts(of)
        tokens = PodTokens(Issuer(lambda: 1000.0), known, clock=lambda: 1000.0)
        payload = Payload(known, api or Objects(), tokens)
        return Volumes(known, tmp_path / "volumes", payload=payload, claims=Claims(tmp_path / "claims"))

    return build


def mounted(volumes, *mounts):
    found = volumes.mounts(container(volumeMounts=list(mounts)), {"POD": "web-0"})
    return found.directories


async def test_a_config_map_becomes_files(make):
    api = Objects(
        ConfigMap_conf={"data": {"a": "1"}, "binaryData": {"b": base64.b64encode(b"\x00").decode()}}
    )
    volumes = make({"name": "conf", "configMap": {"name": "conf", "defaultMode": 0o440}}, api=api)

    await volumes.set_up()

    folder = mounted(volumes, {"name": "conf", "mountPath": "/etc/conf"})["/etc/conf"]
    assert (folder / "a").read_text() == "1"
    assert (folder / "b").read_bytes() == b"\x00"
    assert (folder / "a").stat().st_mode & 0o777 == 0o440


async def test_items_choose_keys_paths_and_modes(make):
    api = Objects(ConfigMap_conf={"data": {"a": "1", "b": "2"}})
    items = [{"key": "b", "path": "sub/b.txt", "mode": 0o600}]
    volumes = make({"name": "conf", "configMap": {"name": "conf", "items": items}}, api=api)

    await volumes.set_up()

    folder = mounted(volumes, {"name": "conf", "mountPath": "/c"})["/c"]
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("..")) == ["sub"]
    assert (folder / "sub/b.txt").stat().st_mode & 0o777 == 0o600


async def test_a_secret_is_closed_to_other_users_whatever_its_mode(make):
    api = Objects(Secret_login={"data": {"user": base64.b64encode(b"me").decode()}})
    volumes = make({"name": "login", "secret": {"secretName": "login", "defaultMode": 0o644}}, api=api)

    await volumes.set_up()

    file = mounted(volumes, {"name": "login", "mountPath": "/l"})["/l"] / "user"
    assert file.read_bytes() == b"me"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("volume", "sentence"),
    [
        ({"configMap": {"name": "none"}}, 'volume "v": configmap "none" not found in namespace shop'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"hostPath": {"path": "/etc"}}, "no hostPath volumes: a pod must not reach into the machine"),
        ({"nfs": {"server": "x"}}, "no nfs volumes"),
        (
            {"configMap": {"name": "conf", "items": [{"key": "z", "path": "z"}]}},
            'configmap "conf" has no key z',
        ),
    ],
)
async def test_a_volume_that_cannot_be_set_up_is_named_with_the_reason(make, volume, sentence):
    volumes = make({"name": "v", **volume}, api=Objects(ConfigMap_conf={"data": {"a": "1"}}))

    with pytest.raises(VolumeError, match=sentence):
        await volumes.set_up()


async def test_what_is_optional_and_missing_is_an_empty_directory(make):
    volumes = make({"name": "v", "configMap": {"name": "none", "optional": True}})

    await volumes.set_up()

    folder = mounted(volumes, {"name": "v", "mountPath": "/v"})["/v"]
    assert [path for path in folder.iterdir() if not path.name.startswith("..")] == []


async def test_a_refresh_brings_new_content_and_keeps_the_directory(make):
    api = Objects(ConfigMap_conf={"data": {"a": "1"}})
    volumes = make({"name": "conf", "configMap": {"name": "conf"}}, api=api)
    await volumes.set_up()
    folder = mounted(volumes, {"name": "conf", "mountPath": "/c"})["/c"]

    api.objects["ConfigMap_conf"] = {"data": {"a": "2"}}
    await volumes.refresh()

    assert (folder / "a").read_text() == "2"


async def test_a_projected_volume_holds_all_its_sources(make):
    api = Objects(ConfigMap_ca={"data": {"ca.crt": "cert"}})
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volumes = make({"name": "access", "projected": {"sources": sources}}, api=api)

    await volumes.set_up()

    folder = mounted(volumes, {"name": "access", "mountPath": "/a"})["/a"]
    assert {name: (folder / name).read_text() for name in ("token", "ca.crt", "namespace")} == {
        "token": "token-1", "ca.crt": "cert", "namespace": "shop",
    }  # fmt: skip
    assert (folder / "token").stat().st_mode & 0o777 == 0o600


async def test_labels_become_a_file_of_quoted_lines(make):
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    volumes = make({"name": "d", "downwardAPI": {"items": items}}, labels={"b": 'say "hi"', "a": "1"})

    await volumes.set_up()

    folder = mounted(volumes, {"name": "d", "mountPath": "/d"})["/d"]
    assert (folder / "labels").read_text() == 'a="1"\nb="say \\"hi\\""'


async def test_a_sub_path_of_a_claim_is_a_directory_in_it(make, tmp_path):
    volumes = make({"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}})
    await volumes.set_up()

    found = mounted(volumes, {"name": "data", "mountPath": "/d", "subPathExpr": "$(POD)/x"})

    assert found == {"/d": tmp_path / "claims/shop/data-0/web-0/x"}
    assert found["/d"].is_dir()


async def test_a_sub_path_of_a_config_map_is_bound_once(make):
    api = Objects(ConfigMap_conf={"data": {"a": "1"}})
    volumes = make({"name": "conf", "configMap": {"name": "conf"}}, api=api)
    await volumes.set_up()
    file = mounted(volumes, {"name": "conf", "mountPath": "/etc/a", "subPath": "a"})["/etc/a"]

    api.objects["ConfigMap_conf"] = {"data": {"a": "2"}}
    await volumes.refresh()

    assert file.read_text() == "1"


async def test_an_ephemeral_volume_is_the_claim_named_after_pod_and_volume(make, tmp_path):
    volumes = make({"name": "scratch", "ephemeral": {}})

    await volumes.set_up()

    assert mounted(volumes, {"name": "scratch", "mountPath": "/s"}) == {
        "/s": Path(tmp_path / "claims/shop/web-0-scratch")
    }


async def test_an_empty_dir_is_shared_by_its_mounts(make):
    volumes = make({"name": "tmp", "emptyDir": {}})
    await volumes.set_up()

    one = mounted(volumes, {"name": "tmp", "mountPath": "/one"})["/one"]
    other = mounted(volumes, {"name": "tmp", "mountPath": "/other"})["/other"]

    assert one == other
    assert list(one.iterdir()) == []


@pytest.mark.parametrize(
    ("mount", "sentence"),
    [
        ({"subPath": "../x"}, "must not contain '..'"),
        ({"subPathExpr": "$(HOST)"}, "must not be an absolute path"),
        ({"subPathExpr": "$(UP)/x"}, "must not contain '..'"),
        ({"subPathExpr": "$(NONE)/x"}, "subPathExpr $(NONE)/x has no value for NONE"),
        ({"subPath": "link/x"}, "leads out of its volume, by a link"),
    ],
)
async def test_a_sub_path_leads_nowhere_but_into_its_volume(make, tmp_path, mount, sentence):
    volumes = make({"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}})
    await volumes.set_up()
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "claims/shop/data-0/link").symlink_to(outside)
    values = {"HOST": str(outside), "UP": "../../.."}

    with pytest.raises(VolumeError, match=re.escape(sentence)):
        volumes.mounts(container(volumeMounts=[{"name": "data", "mountPath": "/d", **mount}]), values)

    assert list(outside.iterdir()) == []
