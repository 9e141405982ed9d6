import pytest

from kyma_harness.node.addresses import Address
from kyma_harness.node.errors import AddressError, RuleError
from kyma_harness.node.rules.placeholders import Placeholders


@pytest.fixture
def placeholders():
    return Placeholders(
        values={"tools": "/opt/tools"},
        ports={8080: Address("127.0.0.1", 23456)},
        service_port=lambda namespace, name, port: 30000 + port if (namespace, name) == ("ns", "nats") else 1,
    )


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{tools}/nats-server", "/opt/tools/nats-server"),
        ("--addr={address:8080}", "--addr=127.0.0.1:23456"),
        ("--port={port:8080}", "--port=23456"),
        ("nats://{service:ns/nats:4222}", "nats://127.0.0.1:34222"),
        ('{"level":"debug"}', '{"level":"debug"}'),
        ("{{.Values}}", "{{.Values}}"),
    ],
)
def test_placeholders_are_filled_in_and_everything_else_is_kept(placeholders, text, filled):
    assert placeholders.fill(text) == filled


def test_within_listen_the_port_needs_no_number(placeholders):
    assert placeholders.fill("--addr={address} {port}", listen=8080) == "--addr=127.0.0.1:23456 23456"


def test_a_port_that_the_rule_does_not_list_is_refused(placeholders):
    with pytest.raises(AddressError, match="no `listen` entry"):
        placeholders.fill("{port:9090}")


def test_an_unknown_name_is_refused_with_the_known_ones(placeholders):
    with pytest.raises(RuleError, match=r"\{kyma\}: known are \{tools\}, "):
        placeholders.fill("{kyma}")
