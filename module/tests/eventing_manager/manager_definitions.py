"""The definitions of kinds that others install, and the Secret of EventMesh, as tests need them."""

import base64
import json

from manager_builders import NAMESPACE

from eventing_manager.observe.kinds import OPTIONAL_KINDS

SECRET_NAME = "eventing-backend"
REFERENCE = {"name": SECRET_NAME, "namespace": NAMESPACE}


def definition(optional):
    plural, _, group = optional.definition.partition(".")
    kind = optional.kind
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": optional.definition},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "plural": plural,
                "singular": plural[:-1],
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
            },
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                    },
                }
            ],
        },
    }


DEFINITIONS = {optional.kind.kind: definition(optional) for optional in OPTIONAL_KINDS}


def endpoint(**changes):
    oa2 = {
        "clientid": "c",
        "clientsecret": "s",
        "granttype": "client_credentials",
        "tokenendpoint": "https://t",
    }
    return {"broker": {"type": "saprestmgw"}, "uri": "https://publish", "oa2": oa2, **changes}


def secret(where=REFERENCE, **data):
    """A Secret that can be used; ``data`` overrides a key, None leaves it out."""
    keys = {"namespace": "/sap/kyma/1", "messaging": json.dumps([endpoint()]), **data}
    encoded = {
        key: base64.b64encode(value.encode()).decode() for key, value in keys.items() if value is not None
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**where},
        "data": encoded,
    }
