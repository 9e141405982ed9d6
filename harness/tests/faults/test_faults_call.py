"""A request line is read in RBAC's words."""

import pytest

from kyma_harness.faults.plan import ApiCall


@pytest.mark.parametrize(
    ("method", "path", "query", "said"),
    [
        ("GET", "/api/v1/pods", {}, "list pods"),
        ("GET", "/api/v1/namespaces/ns/pods", {"watch": "true"}, "watch pods ns"),
        ("GET", "/api/v1/namespaces/ns/pods/one", {}, "get pods ns/one"),
        ("GET", "/api/v1/namespaces/ns", {}, "get namespaces ns"),
        ("PUT", "/api/v1/namespaces/ns/finalize", {}, "update namespaces/finalize ns"),
        ("POST", "/apis/apps/v1/namespaces/ns/deployments", {}, "create deployments.apps ns"),
        ("PATCH", "/apis/g.io/v1/namespaces/ns/things/one/status", {}, "patch things.g.io/status ns/one"),
        ("DELETE", "/apis/g.io/v1/things/one", {}, "delete things.g.io one"),
        ("DELETE", "/apis/g.io/v1/things", {}, "deletecollection things.g.io"),
        ("GET", "/apis/g.io/v1/things", {"fieldSelector": "metadata.name=one"}, "list things.g.io one"),
        ("GET", "/apis/g.io/v1", {}, "get /apis/g.io/v1"),
        ("GET", "/readyz", {}, "get /readyz"),
    ],
)
def test_a_request_is_read_as_verb_resource_and_name(method, path, query, said):
    assert str(ApiCall.parse(method, path, query)) == said


@pytest.mark.parametrize(("method", "is_write"), [("GET", False), ("POST", True), ("DELETE", True)])
def test_a_read_is_told_from_a_write(method, is_write):
    assert ApiCall.parse(method, "/api/v1/namespaces/ns/pods/one", {}).is_write is is_write
