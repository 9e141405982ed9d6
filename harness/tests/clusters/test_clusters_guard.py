import pytest

from kyma_harness.clusters.errors import ForeignClusterError
from kyma_harness.clusters.existing import check_allowed, is_local


@pytest.mark.parametrize("context", ["k3d-kyma", "kind-kind", "minikube", "docker-desktop"])
def test_a_context_of_a_usual_tool_on_this_machine_is_let_through(context):
    check_allowed(context, "https://127.0.0.1:6443", None)


@pytest.mark.parametrize(
    ("context", "server"),
    [
        ("shoot--prod", "https://api.prod.example.com"),
        ("k3d-kyma", "https://api.prod.example.com"),
        ("shoot--prod", "https://127.0.0.1:6443"),
        ("kind-kind", "https://10.0.0.7:6443"),
    ],
)
def test_everything_else_is_asked_for_by_name(context, server):
    with pytest.raises(ForeignClusterError, match=f"--harness-allow-context={context}"):
        check_allowed(context, server, None)


def test_a_context_that_was_allowed_by_name_is_let_through():
    check_allowed("shoot--test", "https://api.example.com", "shoot--test")


def test_another_context_than_the_allowed_one_is_refused_even_where_it_looks_like_a_test_cluster():
    with pytest.raises(ForeignClusterError, match="name the same one twice"):
        check_allowed("kind-kind", "https://127.0.0.1:6443", "shoot--test")


@pytest.mark.parametrize(
    ("server", "local"),
    [
        ("https://localhost:6443", True),
        ("https://127.8.9.1:6443", True),
        ("https://[::1]:6443", True),
        ("https://kubernetes.docker.internal:6443", True),
        ("https://localhost.example.com", False),
        ("https://192.168.1.2:6443", False),
        ("not a url", False),
    ],
)
def test_only_an_address_of_this_machine_is_local(server, local):
    assert is_local(server) is local
