import asyncio
from contextlib import suppress

from node_cluster import answers, wait_until

from kubeloop.errors import AlreadyExistsError
from kubeloop.kinds import POD, SERVICE


def a_service(namespace, **spec):
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}], **spec},
    }  # fmt: skip


async def test_a_service_forwards_to_every_ready_pod(cluster, namespace, web):
    await cluster.client.create(a_service(namespace))
    await asyncio.gather(*(cluster.client.create(web(name=name)) for name in ("web-a", "web-b")))
    await asyncio.gather(*(cluster.ready(name, namespace) for name in ("web-a", "web-b")))
    address = await cluster.service_address("web", namespace)
    seen = set()

    async def both_have_answered():
        if answer := await answers(address):
            seen.add(answer["environment"]["HOSTNAME"])
        return seen == {"web-a", "web-b"}

    await wait_until(both_have_answered, what="be answered by both")


async def test_a_headless_service_is_forwarded_as_well(cluster, namespace, web):
    await cluster.client.create(a_service(namespace, clusterIP="None"))
    await cluster.client.create(web())
    await cluster.ready("web", namespace)
    address = await cluster.service_address("web", namespace)

    async def is_answered():
        return await answers(address) is not None

    await wait_until(is_answered, what="be answered")


async def test_without_a_ready_pod_connections_are_refused(cluster, namespace, web):
    await cluster.client.create(a_service(namespace))
    address = await cluster.service_address("web", namespace)
    before = await answers(address)
    await cluster.client.create(web())
    await cluster.ready("web", namespace)

    async def is_answered():
        return await answers(address) is not None

    async def is_refused():
        return await answers(address) is None

    await wait_until(is_answered, what="be answered")
    await cluster.client.delete(POD, "web", namespace=namespace)
    await wait_until(is_refused, what="be refused")
    assert before is None


async def test_the_port_is_given_back_with_the_service(cluster, namespace):
    await cluster.client.create(a_service(namespace))
    address = await cluster.service_address("web", namespace)
    port = int(address.rpartition(":")[2])

    await cluster.client.delete(SERVICE, "web", namespace=namespace)

    async def is_free():
        if port in cluster.ports._held:
            return False
        return await answers(address) is None

    await wait_until(is_free, what="be free")


async def test_a_rule_may_name_a_service_that_does_not_exist_yet(cluster, namespace, shell):
    await cluster.client.create(shell("echo $WEB", image="test/neighbour:1"))
    await cluster.container(
        "job", namespace, lambda one: "terminated" in one.get("state", {}), what="terminated"
    )
    told = (await cluster.kubectl("logs", "job", "-n", namespace)).stdout.strip()

    # The rule knows this name alone, and a run before this one may have left it.
    neighbours = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "neighbours"}}
    with suppress(AlreadyExistsError):
        await cluster.client.create(neighbours)
    with suppress(AlreadyExistsError):
        await cluster.client.create(a_service("neighbours"))
    first = await cluster.service_address("web", "neighbours")
    await cluster.client.delete(SERVICE, "web", namespace="neighbours")
    await cluster.client.create(a_service("neighbours"))
    second = await cluster.service_address("web", "neighbours")

    assert told == first == second
