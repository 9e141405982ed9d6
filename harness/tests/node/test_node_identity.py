import base64
import json
from pathlib import Path

import pytest
import yaml
from node_cluster import address_of, fetch, wait_until
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import ForbiddenError, UnauthorizedError
from kubeloop.kinds import CONFIG_MAP, POD


async def kubeconfig_of(cluster, namespace, web, **spec):
    """Start a pod and return the kubeconfig its container was given, None if none."""
    await cluster.client.create(web(spec={"terminationGracePeriodSeconds": 1, **spec}))
    answer = await fetch(address_of(await cluster.ready("web", namespace)))
    path = answer["environment"].get("KUBECONFIG")
    return Path(path) if path else None


def token_of(path):
    """Return the token a kubeconfig points to."""
    content = yaml.safe_load(path.read_text())
    return Path(content["users"][0]["user"]["tokenFile"]).read_text()


def claims_of(token):
    """Return what a token says, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def forged(path):
    """Return a copy of a kubeconfig whose token is none."""
    content, token = yaml.safe_load(path.read_text()), path.with_name("forged-token")
    token.write_text("not.a.token")
    content["users"][0]["user"]["tokenFile"] = str(token)
    copy = path.with_name("forged")
    copy.write_text(json.dumps(content))
    return copy


async def once_allowed(ask, *words, **options):
    """Ask until a right that was just given is known: the API server hears of it by a watch of its own."""
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(ForbiddenError),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.1),
        reraise=True,
    )
    return await retrying(ask, *words, **options)


async def test_a_pod_acts_as_its_service_account_and_may_do_what_rbac_allows(cluster, namespace, web):
    await cluster.kubectl("create", "serviceaccount", "robot", "-n", namespace)
    await cluster.kubectl("create", "role", "reader", "-n", namespace, "--verb=list", "--resource=configmaps")
    await cluster.kubectl(
        "create",
        "rolebinding",
        "robot",
        "-n",
        namespace,
        "--role=reader",
        f"--serviceaccount={namespace}:robot",
    )
    path = await kubeconfig_of(cluster, namespace, web, serviceAccountName="robot")

    async with Client.from_kubeconfig(path) as client:
        found = await once_allowed(client.list, CONFIG_MAP, namespace=namespace)
        with pytest.raises(ForbiddenError, match=f"system:serviceaccount:{namespace}:robot"):
            await client.list(POD, namespace=namespace)

    assert [item["metadata"]["name"] for item in found.items] == ["kube-root-ca.crt"]


async def test_the_token_is_bound_to_the_pod(cluster, namespace, web):
    path = await kubeconfig_of(cluster, namespace, web)
    pod = await cluster.client.get(POD, "web", namespace)

    bound_to = claims_of(token_of(path))["kubernetes.io"]["pod"]

    assert bound_to == {"name": "web", "uid": pod["metadata"]["uid"]}


async def test_the_token_dies_with_the_pod(cluster, namespace, web):
    token = token_of(await kubeconfig_of(cluster, namespace, web))
    await cluster.client.delete(POD, "web", namespace=namespace)
    await cluster.gone(POD, "web", namespace)

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    url = "/apis/authentication.k8s.io/v1/tokenreviews"

    async def is_dead():
        answer = await cluster.client.request("POST", url, body=review)
        return not answer["status"].get("authenticated", False)

    # An authenticator remembers for some seconds what it has let in.
    await wait_until(is_dead, what="be refused")


async def test_a_pod_that_wants_no_token_gets_none(cluster, namespace, web):
    path = await kubeconfig_of(cluster, namespace, web, automountServiceAccountToken=False)

    assert path is None


async def test_a_wrong_token_is_refused(cluster, namespace, web):
    path = forged(await kubeconfig_of(cluster, namespace, web))

    async with Client.from_kubeconfig(path) as client:
        with pytest.raises(UnauthorizedError):
            await client.list(CONFIG_MAP, namespace=namespace)


async def test_a_volume_mounted_where_our_own_folders_lie_does_not_hide_them(cluster, namespace, shell):
    """The state folder may be below /tmp, and pods like to mount something there."""
    over_ours = "/" + cluster.state.absolute().parts[1]
    spec = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    mounts = [{"name": "scratch", "mountPath": over_ours}]
    script = (
        """for file in token ca.crt; do test -s "$(grep -o '/[^" ]*/'$file "$KUBECONFIG")" || exit 3; done"""
    )
    await cluster.client.create(shell(script, spec=spec, volumeMounts=mounts))

    status = await cluster.container(
        "job", namespace, lambda one: "terminated" in one.get("state", {}), what="over"
    )

    assert status["state"]["terminated"]["exitCode"] == 0
