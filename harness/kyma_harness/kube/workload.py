"""Find what belongs to a Deployment."""

from collections.abc import Iterator

from kubeloop.client import Client
from kubeloop.kinds import DEPLOYMENT, POD
from kubeloop.resource import Object, ObjectKey


async def pods_of(client: Client, deployment: ObjectKey) -> list[Object]:
    """Return the pods that a Deployment selects; NotFoundError where there is no such Deployment."""
    found = await client.get(DEPLOYMENT, deployment.name, deployment.namespace)
    selector = selector_text(found["spec"]["selector"])
    return (await client.list(POD, namespace=deployment.namespace, label_selector=selector)).items


def selector_text(selector: Object) -> str:
    """Write a LabelSelector as a query has it: all of its terms, of both kinds, have to hold."""
    return ",".join(_terms(selector))


def _terms(selector: Object) -> Iterator[str]:
    for name, value in (selector.get("matchLabels") or {}).items():
        yield f"{name}={value}"
    for term in selector.get("matchExpressions") or ():
        key, values = term["key"], ",".join(term.get("values") or ())
        match term["operator"]:
            case "In":
                yield f"{key} in ({values})"
            case "NotIn":
                yield f"{key} notin ({values})"
            case "Exists":
                yield key
            case "DoesNotExist":
                yield f"!{key}"
            case operator:
                raise ValueError(
                    f"a label selector has the operator {operator}, which Kubernetes does not know"
                )
