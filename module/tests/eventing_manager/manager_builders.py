"""Objects for tests, with defaults for what a test does not speak of."""

NAMESPACE = "kyma-system"
CR_NAMESPACE = "kcp-system"


def namespace_object(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def eventing(name="eventing", *, backend="nats", spec=None, **nats):
    settings = {"nats": nats} if nats else {}
    return {
        "apiVersion": "operator.kyma-project.io/v1alpha1",
        "kind": "Eventing",
        "metadata": {"name": name, "namespace": CR_NAMESPACE},
        "spec": spec if spec is not None else {"backend": {"type": backend, **settings}},
    }


def condition(obj, type_):
    """Return a condition of an object's status, an empty one where there is none."""
    conditions = obj.get("status", {}).get("conditions") or []
    return next((found for found in conditions if found["type"] == type_), {})
