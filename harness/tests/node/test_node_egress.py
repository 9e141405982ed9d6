"""What the API server dials within the cluster reaches the pod that is meant, and nobody else."""

import asyncio
import base64
import json
import ssl
from contextlib import suppress

import pytest
from eventually import PATIENCE
from node_cluster import running_plane, wait_until

from kubeloop.client import Client
from kubeloop.errors import ApiError
from kubeloop.resource import Kind
from kyma_harness.embedded.pki import make_pki
from kyma_harness.host.loopback import LoopbackNetworks
from kyma_harness.host.ports import PortPool

WEBHOOK = Kind.parse("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
API_SERVICE = Kind.parse("apiregistration.k8s.io/v1", "APIService")


@pytest.fixture
def authority(tmp_path, namespace):
    """Certificates of the name by which the API server knows the Service."""
    return make_pki(tmp_path / "pki", node_name=f"hook.{namespace}.svc")


@pytest.fixture
def ca_bundle(authority):
    return base64.b64encode(authority.authority.read_bytes()).decode()


@pytest.fixture
async def server(cluster, namespace, authority):
    """A Service with a pod behind it that speaks TLS."""
    pair = authority.kubelet
    await cluster.client.create(
        {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "serving", "namespace": namespace},
            "stringData": {"tls.crt": pair.certificate.read_text(), "tls.key": pair.key.read_text()},
        }
    )  # fmt: skip
    await cluster.client.create(a_service(namespace))
    await cluster.client.create(a_pod(namespace))
    await cluster.ready("hook", namespace)


@pytest.fixture
async def webhook(cluster, namespace, ca_bundle):
    """Ask the Service of every ConfigMap of the namespace."""
    name = f"hook-{namespace}"
    await cluster.client.create(a_webhook(name, namespace, ca_bundle))
    yield name
    await cluster.client.delete(WEBHOOK, name)


def a_service(namespace, *, name="hook"):
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 9443}]},
    }  # fmt: skip


def a_pod(namespace):
    container = {
        "name": "main", "image": "test/tls:1",
        "args": ["--cert=/certs/tls.crt", "--key=/certs/tls.key"],
        "volumeMounts": [{"name": "certs", "mountPath": "/certs"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 9443, "scheme": "HTTPS"}},
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "hook", "namespace": namespace, "labels": {"app": "hook"}},
        "spec": {
            "containers": [container], "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "certs", "secret": {"secretName": "serving"}}],
        },
    }  # fmt: skip


def a_webhook(name, namespace, ca_bundle=None):
    service = {"name": "hook", "namespace": namespace, "path": "/validate", "port": 443}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "names.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "failurePolicy": "Fail", "timeoutSeconds": 30,
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {
                        "apiGroups": [""], "apiVersions": ["v1"],
                        "operations": ["CREATE"], "resources": ["configmaps"],
                    }
                ],
                "clientConfig": {"service": service, **({"caBundle": ca_bundle} if ca_bundle else {})},
            }
        ],
    }  # fmt: skip


def a_config_map(name, namespace):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


async def refusal(client, namespace):
    """Return why a ConfigMap is not let in, as soon as one is not: a new webhook counts a moment later."""
    said = []

    async def is_refused():
        try:
            await client.create(a_config_map("forbidden", namespace))
        except ApiError as error:
            said.append(str(error))
            return True
        await client.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/forbidden")
        return False

    await wait_until(is_refused, what="be refused")
    return said[0]


async def connected(cluster, target, *, certificate=True):
    """Ask the node's proxy for a connection as the API server does, and return its first line."""
    context = ssl.create_default_context(cafile=cluster.pki.authority)
    if certificate:
        context.load_cert_chain(
            cluster.pki.api_server_to_kubelet.certificate, cluster.pki.api_server_to_kubelet.key
        )
    port = cluster.settings.egress_port
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        try:
            writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return (await reader.readline()).decode()
        finally:
            writer.close()
            with suppress(ssl.SSLError, ConnectionError):
                await writer.wait_closed()


@pytest.mark.usefixtures("server", "webhook")
async def test_an_admission_webhook_behind_a_service_decides(cluster, namespace):
    said = await refusal(cluster.client, namespace)
    allowed = await cluster.client.create(a_config_map("welcome", namespace))

    assert "nobody may be called forbidden" in said
    assert allowed["metadata"]["name"] == "welcome"


@pytest.mark.usefixtures("webhook")
async def test_a_webhook_without_a_pod_is_told_at_once(cluster, namespace):
    await cluster.client.create(a_service(namespace))

    said = await refusal(cluster.client, namespace)

    assert f"Service {namespace}/hook has no ready endpoint for port 443" in said


@pytest.mark.usefixtures("server")
async def test_an_aggregated_api_is_served_by_a_pod(cluster, namespace, ca_bundle):
    service = {
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.weather.example.com"},
        "spec": {
            "group": "weather.example.com", "version": "v1",
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"name": "hook", "namespace": namespace, "port": 443}, "caBundle": ca_bundle,
        },
    }  # fmt: skip
    await cluster.client.create(service)
    try:
        await cluster.until(API_SERVICE, "v1.weather.example.com", None, is_available, what="available")
        listed = await cluster.kubectl("get", "--raw", "/apis/weather.example.com/v1/storms")
    finally:
        await cluster.client.delete(API_SERVICE, "v1.weather.example.com")

    assert [one["metadata"]["name"] for one in json.loads(listed.stdout)["items"]] == ["xaver"]


def is_available(api_service):
    conditions = {one["type"]: one["status"] for one in api_service.get("status", {}).get("conditions", ())}
    return conditions.get("Available") == "True"


async def test_the_api_servers_own_proxy_reaches_services_and_pods(cluster, namespace, web):
    await cluster.client.create(web())
    service = a_service(namespace, name="web")
    service["spec"] = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    await cluster.client.create(service)
    await cluster.ready("web", namespace)
    answers = {}

    async def are_reached():
        for kind, target in (("services", "web:80"), ("pods", "web:8080")):
            path = f"/api/v1/namespaces/{namespace}/{kind}/{target}/proxy/hello"
            got = await cluster.kubectl("get", "--raw", path, check=False)
            if got.returncode:
                return False
            answers[kind] = json.loads(got.stdout)["environment"]["HOSTNAME"]
        return True

    await wait_until(are_reached, what="be reached")
    assert answers == {"services": "web", "pods": "web"}


@pytest.mark.parametrize(
    "target", ["192.0.2.1:443", "127.0.0.1:22", "10.96.255.254:443", "10.244.255.1:80", "a.b.svc:1"]
)
async def test_nothing_but_the_cluster_is_reached(cluster, target):
    assert f"503 {target} is no Service, pod or node of this cluster" in await connected(cluster, target)


async def test_a_port_that_a_service_does_not_have_is_told(cluster, namespace):
    await cluster.client.create(a_service(namespace))
    said = []

    async def is_known():
        said.append(await connected(cluster, f"hook.{namespace}.svc.cluster.local:80"))
        return "is no Service" not in said[-1]

    await wait_until(is_known, what="be known")
    assert f"Service {namespace}/hook has no TCP port 80 with pods behind it, its ports are 443" in said[-1]


@pytest.mark.usefixtures("server")
async def test_a_service_whose_pod_listens_nowhere_names_the_missing_entry(cluster, namespace):
    service = a_service(namespace, name="wrong")
    service["spec"]["ports"] = [{"port": 443, "targetPort": 9999}]
    await cluster.client.create(service)
    said = []

    async def has_endpoints():
        said.append(await connected(cluster, f"wrong.{namespace}.svc:443"))
        return "leads to" in said[-1]

    await wait_until(has_endpoints, what="have endpoints")
    assert "add 9999 to `listen` in the process rule of its image" in said[-1]


async def test_nobody_without_a_certificate_of_the_cluster_is_served(cluster):
    try:
        answer = await connected(cluster, "127.0.0.1:1", certificate=False)
    except (ssl.SSLError, ConnectionResetError):
        answer = ""

    assert not answer


async def test_without_a_node_nothing_leaves_the_api_server(cluster, tmp_path):
    with PortPool() as ports, LoopbackNetworks() as networks:
        async with (
            running_plane(tmp_path / "plane", cluster.tools, ports, networks) as (plane, _),
            Client.from_kubeconfig(plane.layout.kubeconfig) as client,
        ):
            await wait_for_namespace(client)
            await client.create(a_service("default"))
            await client.create(a_webhook("hook", "default"))

            said = await refusal(client, "default")

    assert f"127.0.0.1:{plane.components.ports.egress}" in said
    assert "connection refused" in said


async def wait_for_namespace(client):
    async def is_there():
        try:
            await client.request("GET", "/api/v1/namespaces/default")
        except ApiError:
            return False
        return True

    await wait_until(is_there, what="have a namespace")
