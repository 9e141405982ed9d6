import sys
from pathlib import Path

import pytest
from node_builders import rules

from kyma_harness.host.image_names import canonical
from kyma_harness.node.errors import ImageError, RuleError
from kyma_harness.node.rules.rules import Rules, plain_placeholders

NATS = """
- image: "*/nats:*"
  command: ["{tools}/nats-server"]
  args: ["--store_dir=/data"]
  listen:
    4222: "--addr={address}"
    8222: ["--http_port", "{port}"]
"""


def test_a_rule_holds_what_its_file_says():
    (rule,) = rules(NATS).rules

    assert rule.command == ("{tools}/nats-server",)
    assert rule.args == ("--store_dir=/data",)
    assert rule.listen == {4222: ("--addr={address}",), 8222: ("--http_port", "{port}")}
    assert not rule.simulate


def test_rules_may_stand_under_a_key_of_their_own():
    found = rules("rules:\n- image: 'a:*'\n")

    assert [rule.image for rule in found.rules] == ["a:*"]


@pytest.mark.parametrize("image", ["nats:2.9", "docker.io/library/nats:2.9", "ghcr.io/org/nats:2.9", "nats"])
def test_a_glob_finds_an_image_however_it_is_written(image):
    rule = rules(NATS).match(image)

    assert rule.image == "*/nats:*"


def test_the_first_rule_that_matches_wins():
    found = rules("- {image: '*/web:1', command: [one]}\n- {image: '*', command: [any]}\n")

    assert found.match("test/web:1").command == ("one",)
    assert found.match("test/web:2").command == ("any",)


def test_an_unknown_image_is_refused_with_the_rule_that_is_missing_and_those_there_are():
    with pytest.raises(ImageError) as caught:
        rules(NATS).match("ghcr.io/org/publisher:1.0")

    assert 'image "ghcr.io/org/publisher:1.0"' in str(caught.value)
    assert 'image: "*/publisher:*"' in str(caught.value)
    assert "rules exist for: */nats:*" in str(caught.value)


def test_an_unknown_image_is_refused_where_there_are_no_rules_at_all():
    with pytest.raises(ImageError, match="rules exist for: none"):
        Rules().match("web:1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- command: [a]", "rule 1: 'image' is a required property"),
        ("- image: a\n- {image: b, comand: [c]}", "rule 2: .*'comand' was unexpected"),
        ("- {image: a, command: nats}", "rule 1: command: 'nats' is not of type 'array'"),
        ("- {image: a, listen: {http: x}}", "rule 1: listen: 'http' is not of the form"),
        ("- {image: a, listen: {80: 81}}", "rule 1: listen.80: 81 is not valid"),
        ("- {image: a, env: {PORT: 80}}", "rule 1: env.PORT: 80 is not of type 'string'"),
        ("image: a", "expected a list of rules"),
        ("- {image: a", "is not YAML"),
    ],
)
def test_a_wrong_rule_is_refused_with_file_rule_and_field(text, sentence):
    with pytest.raises(RuleError, match=rf"rules\.yaml.*{sentence}"):
        rules(text)


def test_a_missing_rules_file_is_named(tmp_path):
    missing = tmp_path / "none.yaml"

    with pytest.raises(RuleError, match=rf"cannot read the rules file {missing}"):
        Rules.load([missing])


def test_files_are_asked_in_the_order_given(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("- {image: 'web:*', command: [first]}")
    second.write_text("- {image: '*', command: [second]}")

    found = Rules.load([first, second])

    assert found.match("web:1").where == "first.yaml: rule 1 (web:*)"
    assert found.match("other:1").where == "second.yaml: rule 1 (*)"


def test_a_placeholder_that_nobody_fills_in_is_refused_before_anything_starts():
    with pytest.raises(RuleError, match=r"unknown placeholder \{kyma\}.*known here are .*\{tools\}"):
        rules("- {image: a, command: ['{kyma}/manager']}").check({"tools"})


def test_placeholders_that_somebody_fills_in_pass_the_check():
    text = "- {image: a, command: ['{tools}/x', '{service:ns/nats:4222}'], listen: {80: '{address}'}}"

    rules(text).check({"tools"})


def test_a_bare_address_outside_of_listen_is_refused():
    with pytest.raises(RuleError, match=r"unknown placeholder \{address\}"):
        rules("- {image: a, args: ['{address}'], listen: {80: x}}").check({})


def test_a_service_that_does_not_read_like_one_is_refused():
    with pytest.raises(RuleError, match="NAMESPACE/NAME:PORT"):
        rules("- {image: a, args: ['{service:nats}']}").check({})


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("web", "docker.io/library/web:latest"),
        ("org/web:1", "docker.io/org/web:1"),
        ("localhost/web", "localhost/web:latest"),
        ("reg:5001/web", "reg:5001/web:latest"),
        ("org/web@sha256:0", "docker.io/org/web@sha256:0"),
    ],
)
def test_an_image_is_spelled_out_as_docker_would(image, full):
    assert canonical(image) == full


def test_every_rule_knows_its_interpreter_and_the_folder_it_came_from(tmp_path):
    (rule,) = rules("- image: a", source=tmp_path / "rules.yaml").rules

    values = plain_placeholders(rule, {"tools": "/opt/tools"}, pod_ip="127.64.0.7")

    assert values["python"] == sys.executable
    assert values["tools"] == "/opt/tools"
    assert values["pod_ip"] == "127.64.0.7"
    assert Path(values["module"]) == tmp_path.resolve()


def test_a_rule_may_be_for_containers_that_declare_a_port():
    found = rules(
        "- {image: 'nats:*', declares: 6222, command: [many]}\n- {image: 'nats:*', command: [one]}\n"
    )

    assert found.match("nats:2", {4222, 6222}).command == ("many",)
    assert found.match("nats:2", {4222}).command == ("one",)


@pytest.mark.parametrize(
    ("fields", "own"),
    [
        ("listen: {8080: '--addr={address}'}", False),
        ("listen: {8080: []}", True),
        ("listen: {8080: '--listen={pod_ip}:{port}'}", True),
        ("args: ['--host={pod_ip}'], listen: {8080: '--port={port}'}", True),
        ("env: {HOST: '{pod_ip}'}, listen: {8080: '--port={port}'}", True),
    ],
)
def test_a_port_is_the_pods_own_where_the_process_is_told_the_pods_address_or_nothing(fields, own):
    (rule,) = rules(f"- {{image: a, {fields}}}").rules

    assert rule.is_own(8080) is own


@pytest.mark.parametrize("field", ["files: {chart: chart}", "files: {/chart/: chart}", "declares: many"])
def test_a_field_that_cannot_be_meant_is_refused(field):
    with pytest.raises(RuleError, match=r"rules\.yaml: rule 1"):
        rules(f"- {{image: a, {field}}}")
