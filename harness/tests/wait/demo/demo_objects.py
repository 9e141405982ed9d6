"""Builders with defaults for the demonstration."""

GROUP = "demo.kyma-harness.io"


def container(command="sleep 600", **fields):
    return {"name": "main", "image": "demo/shell:1", "command": ["sh", "-c", command], **fields}


def a_pod(name, namespace, **fields):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container(**fields)]},
    }


def workload(name, namespace, **fields):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            # What crashes at once may have been ready for a second on a busy machine.
            "minReadySeconds": 30,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container(**fields)]},
            },
        },
    }


def a_lamp(name, namespace, *, finalizers=(), group=GROUP):
    return {
        "apiVersion": f"{group}/v1",
        "kind": "Lamp",
        "metadata": {"name": name, "namespace": namespace, "finalizers": list(finalizers)},
        "spec": {"watts": 60},
    }


def lamp_definition(group=GROUP):
    text = {"type": "string"}
    condition = {"type": "object", "properties": dict.fromkeys(("type", "status", "reason", "message"), text)}
    status = {"state": text, "conditions": {"type": "array", "items": condition}}
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"watts": {"type": "integer"}}},
            "status": {"type": "object", "properties": status},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"lamps.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Lamp", "plural": "lamps", "singular": "lamp", "listKind": "LampList"},
            "versions": [{
                "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    }  # fmt: skip
