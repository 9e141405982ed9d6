"""The objects that the proofs make, and the names they go by."""

from kubeloop.resource import Kind

NAMESPACE = "kyma-system"
CR_NAMESPACE = "kcp-system"
NAME = "eventing"
ACCOUNT = "eventing-controller-manager"
EVENTING = Kind.parse("operator.kyma-project.io/v1alpha1", "Eventing")


def namespace(name):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def eventing(name=NAME, *, namespace=CR_NAMESPACE, backend="nats", **nats):
    settings = {"nats": nats} if nats else {}
    return {
        "apiVersion": "operator.kyma-project.io/v1alpha1",
        "kind": "Eventing",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backend": {"type": backend, **settings}},
    }


def address_teller():
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "address", "namespace": "default"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "address", "image": "proof/address:1"}],
        },
    }


def definition(group, version, kind):
    """Return the definition of a kind that others install, with any content."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


def secret(name):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": {"incomplete": "on purpose"},
    }
