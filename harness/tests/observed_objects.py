"""Builders with defaults for the tests of what looks on."""

from kubeloop.resource import Kind, ObjectKey
from kyma_harness.wait.timeline import Transition

LAMP = Kind.parse("example.com/v1", "Lamp")


def an_object(kind="ConfigMap", name="shelf", namespace="shop", *, status=None, spec=None, **metadata):
    return {
        "apiVersion": metadata.pop("apiVersion", "v1"),
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-of-{kind}-{name}", **metadata},
        **({"spec": spec} if spec is not None else {}),
        **({"status": status} if status is not None else {}),
    }


def a_lamp(state=None, *, conditions=(), **metadata):
    status = {"state": state, "conditions": list(conditions)} if state else None
    return an_object("Lamp", "kitchen", apiVersion="example.com/v1", status=status, **metadata)


def a_pod(*, waiting=None, restarts=0, ended=None, conditions=(), name="web-0", **metadata):
    container = {"name": "main", "image": "shop/web:1", "restartCount": restarts, "state": {}}
    if waiting:
        container["state"] = {"waiting": {"reason": waiting, "message": f"{waiting}, says the node"}}
    if ended:
        container["lastState"] = {"terminated": ended}
    status = {"phase": "Pending", "containerStatuses": [container], "conditions": list(conditions)}
    return an_object("Pod", name, status=status, **metadata)


def owned_by(owner):
    return [{"uid": owner["metadata"]["uid"], "kind": owner["kind"], "name": owner["metadata"]["name"]}]


def a_transition(word, at, *, name="kitchen", detail=""):
    return Transition(at=at, kind=LAMP, key=ObjectKey("shop", name), word=word, detail=detail)
