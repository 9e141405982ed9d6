"""The Secret of EventMesh is usable, or it is said what it lacks."""

import json

import pytest
from manager_definitions import endpoint, secret

from eventing_manager.eventmesh import missing_keys

LISTED_FIRST = {"broker": {"type": "sapmgw"}, "uri": "wss://other"}


def test_a_service_binding_lacks_nothing():
    messaging = json.dumps([LISTED_FIRST, endpoint()])

    assert list(missing_keys(secret(messaging=messaging))) == []


@pytest.mark.parametrize(
    ("data", "lacks"),
    [
        ({"namespace": None}, "key namespace"),
        ({"namespace": " "}, "key namespace"),
        ({"messaging": None}, "key messaging"),
        ({"messaging": "{"}, "a JSON list in key messaging"),
        ({"messaging": "[]"}, "an endpoint whose broker.type is saprestmgw"),
        ({"messaging": '["text"]'}, "an endpoint whose broker.type is saprestmgw"),
        ({"messaging": json.dumps([LISTED_FIRST])}, "an endpoint whose broker.type is saprestmgw"),
        ({"messaging": json.dumps([endpoint(uri="")])}, "uri in the saprestmgw endpoint"),
        ({"messaging": json.dumps([endpoint(oa2=None)])}, "oa2.clientid in the saprestmgw endpoint"),
        ({"messaging": json.dumps([endpoint(oa2={"clientid": "c"})])}, "oa2.clientsecret in the saprestmgw"),
    ],
)
def test_what_a_secret_lacks_is_named(data, lacks):
    first, *_ = missing_keys(secret(**data))

    assert first.startswith(lacks)


def test_a_value_that_is_not_text_counts_as_missing():
    broken = secret()
    broken["data"]["namespace"] = "/w=="

    assert list(missing_keys(broken)) == ["key namespace"]
