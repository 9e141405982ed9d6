"""Builders with defaults for pods whose lives are interrupted."""

from node_builders import container, pod


def a_pod(*containers, **fields):
    """A pod that is started again for ever and gets half a minute to end."""
    return pod(*containers, **{"restartPolicy": "Always", "terminationGracePeriodSeconds": 30, **fields})


def shell(script, name="web", **fields):
    """A container that runs a script with the host's shell."""
    return container(name, "test/shell:1", command=["sh", "-c", script], **fields)


def sleeper(name="web", **fields):
    return shell("exec sleep 600", name, **fields)


def config_map(name="conf", **data):
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def volume(*paths):
    """A volume with one key of a ConfigMap under each of these paths."""
    items = [{"key": "a", "path": path} for path in paths]
    return {"name": "conf", "configMap": {"name": "conf", "items": items}}


def hooks(**scripts):
    """Lifecycle hooks that run scripts."""
    return {"lifecycle": {name: {"exec": {"command": ["sh", "-c", text]}} for name, text in scripts.items()}}


def probe(script, **fields):
    return {"exec": {"command": ["sh", "-c", script]}, "periodSeconds": 1, **fields}


def until_file(path):
    """A piece of a script that waits for a file."""
    return f"while ! test -e {path}; do sleep 0.02; done"


ENV_FROM = [{"configMapRef": {"name": "conf"}}]
