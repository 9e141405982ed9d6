"""Find what belongs to a Deployment."""

from kubeloop.client import Client
from kubeloop.kinds import DEPLOYMENT, POD
from kubeloop.resource import Object, ObjectKey


async def pods_of(client: Client, deployment: ObjectKey) -> list[Object]:
    """Return the pods that a Deployment selects; NotFoundError where there is no such Deployment."""
    found = await client.get(DEPLOYMENT, deployment.name, deployment.namespace)
    labels = found["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    return (await client.list(POD, namespace=deployment.namespace, label_selector=selector)).items
