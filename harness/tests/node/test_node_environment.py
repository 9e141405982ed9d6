import base64
import re

import pytest
from node_builders import Objects, container, facts, pod

from kyma_harness.node.containers.environment import command_line, container_environment
from kyma_harness.node.errors import ContainerConfigError
from kyma_harness.node.expansion import expanded
from kyma_harness.node.identity.downward import divided


def a_secret(**data):
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


async def environment(*env, of=None, api=None, env_from=()):
    spec = container(env=list(env), envFrom=list(env_from))
    return await container_environment(spec, facts(of or pod(spec)), api or Objects())


@pytest.mark.parametrize(
    ("text", "result"),
    [("$(A)/x", "1/x"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$(A)$(A)", "11")],
)
def test_references_are_replaced_as_a_kubelet_does(text, result):
    assert expanded(text, {"A": "1"}) == result


async def test_a_variable_may_refer_to_those_before_it_only():
    values = await environment(
        {"name": "EARLY", "value": "$(LATE)"},
        {"name": "LATE", "value": "x"},
        {"name": "URL", "value": "at $(LATE)"},
    )

    assert values == {"EARLY": "$(LATE)", "LATE": "x", "URL": "at x"}


async def test_a_variable_of_its_own_wins_over_a_whole_config_map():
    api = Objects(ConfigMap_settings={"data": {"A": "map", "B": "map"}})

    values = await environment(
        {"name": "A", "value": "own"}, api=api, env_from=[{"configMapRef": {"name": "settings"}}]
    )

    assert values == {"A": "own", "B": "map"}


async def test_a_prefix_stands_before_every_key_of_a_secret():
    api = Objects(Secret_login=a_secret(user="me"))

    values = await environment(api=api, env_from=[{"prefix": "DB_", "secretRef": {"name": "login"}}])

    assert values == {"DB_user": "me"}


async def test_single_keys_come_from_config_maps_and_secrets():
    api = Objects(ConfigMap_c={"data": {"k": "1"}}, Secret_s=a_secret(k="2"))

    values = await environment(
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        api=api,
    )

    assert values == {"C": "1", "S": "2"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "k"}}, 'configmap "none" not found in namespace shop'),
        ({"secretKeyRef": {"name": "login", "key": "k"}}, "couldn't find key k in secret shop/login"),
        ({"fieldRef": {"fieldPath": "spec.hostname"}}, "the downward API has no field spec.hostname"),
        ({"somethingNew": {"path": "x"}}, "cannot take a variable from somethingNew"),
    ],
)
async def test_what_is_missing_is_named(source, sentence):
    api = Objects(Secret_login=a_secret(user="me"))

    with pytest.raises(ContainerConfigError, match=sentence):
        await environment({"name": "X", "valueFrom": source}, api=api)


async def test_what_is_missing_and_optional_is_left_out():
    values = await environment(
        {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "k", "optional": True}}},
        env_from=[{"secretRef": {"name": "none", "optional": True}}],
    )

    assert values == {}


async def test_the_downward_api_tells_a_container_about_its_pod():
    described = pod(
        metadata={"labels": {"app": "shop"}, "annotations": {"note/x": "hi"}}, name="web-3",
    )  # fmt: skip

    def field(name, path):
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    values = await environment(
        field("NAME", "metadata.name"), field("NS", "metadata.namespace"), field("UID", "metadata.uid"),
        field("APP", "metadata.labels['app']"), field("NOTE", "metadata.annotations['note/x']"),
        field("NONE", "metadata.labels['none']"), field("NODE", "spec.nodeName"),
        field("SA", "spec.serviceAccountName"), field("IP", "status.podIP"), field("HOST", "status.hostIP"),
        of=described,
    )  # fmt: skip

    assert values == {
        "NAME": "web-3", "NS": "shop", "UID": "uid-1", "APP": "shop", "NOTE": "hi", "NONE": "",
        "NODE": "process-node", "SA": "robot", "IP": "127.64.0.7", "HOST": "127.0.0.1",
    }  # fmt: skip


async def test_resources_are_divided_and_a_missing_limit_is_the_nodes():
    def resource(name, what, divisor="0"):
        reference = {"resource": what, "divisor": divisor}
        return {"name": name, "valueFrom": {"resourceFieldRef": reference}}

    spec = container(
        resources={"limits": {"memory": "512Mi"}, "requests": {"cpu": "250m"}},
        env=[
            resource("MEM", "limits.memory", "1Mi"),
            resource("CPU", "limits.cpu"),
            resource("REQ", "requests.cpu", "1m"),
        ],
    )

    values = await container_environment(spec, facts(pod(spec)), Objects())

    assert values == {"MEM": "512", "CPU": "16", "REQ": "250"}


def test_command_and_args_see_the_variables():
    spec = container(command=["run", "$(MODE)"], args=["--level=$(LEVEL)", "$(NONE)"])

    assert command_line(spec, {"MODE": "fast", "LEVEL": "debug"}) == (
        ["run", "fast"],
        ["--level=debug", "$(NONE)"],
    )


def of_file(key, **fields):
    reference = {"volumeName": "data", "path": "run/env", "key": key, **fields}
    return container(env=[{"name": "IT", "valueFrom": {"fileKeyRef": reference}}])


async def from_file(text, tmp_path, **fields):
    """Return the variable that a container gets out of a file that an earlier one has left in a volume."""
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "env").write_text(text)
    found = await container_environment(
        of_file("WORD", **fields), facts(), Objects(), volumes={"data": tmp_path}
    )
    return found.get("IT")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("WORD='hi'", "hi"),
        ("# a comment\n\n  OTHER='x'\n\tWORD='a $HOME # \\n'  # why\n", "a $HOME # \\n"),
        ("WORD='first\n second'\n", "first\n second"),
        ("WORD='one'\nWORD='two'", "one"),
    ],
)
async def test_a_variable_may_come_from_a_file_of_a_volume(tmp_path, text, value):
    assert await from_file(text, tmp_path) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("WORD=hi", "line 1: the value has to be in single quotes"),
        ("\nWORD ='hi'", "line 2 is not NAME='value'"),
        ("WORD", "line 1 is not NAME='value'"),
        ("='hi'", "line 1 is not NAME='value'"),
        ("WORD='hi", "line 1: the single quote is never closed"),
        ("WORD='hi' there", "line 1: there is something after the closing quote"),
        ("WORD= 'hi'", 'key "WORD" not found in file run/env of volume data'),
        ("OTHER='hi'", 'key "WORD" not found in file run/env of volume data'),
    ],
)
async def test_a_file_that_gives_no_value_is_told(tmp_path, text, reason):
    with pytest.raises(ContainerConfigError, match=re.escape(reason)):
        await from_file(text, tmp_path)


async def test_a_key_that_a_file_may_lack_is_left_out(tmp_path):
    assert await from_file("OTHER='x'", tmp_path, optional=True) is None


async def test_a_file_of_variables_is_one_of_the_volume(tmp_path):
    (tmp_path / "secret").write_text("WORD='mine'")
    volume = tmp_path / "volume"
    volume.mkdir()
    for path in ("../secret", "link"):
        (volume / "link").unlink(missing_ok=True)
        (volume / "link").symlink_to(tmp_path / "secret")

        with pytest.raises(ContainerConfigError, match="gives no variables"):
            await container_environment(
                of_file("WORD", path=path), facts(), Objects(), volumes={"data": volume}
            )


async def test_a_file_of_a_volume_that_is_not_there_is_told():
    with pytest.raises(ContainerConfigError, match='cannot find the volume "data"'):
        await container_environment(of_file("WORD"), facts(), Objects())


@pytest.mark.parametrize(
    ("quantity", "divisor", "result"),
    [("1500m", "1", "2"), ("1500m", "1m", "1500"), ("1Gi", "1Mi", "1024"), ("1Gi", "0", str(2**30))],
)
def test_a_division_rounds_up_and_no_divisor_means_one(quantity, divisor, result):
    assert divided(quantity, divisor) == result
