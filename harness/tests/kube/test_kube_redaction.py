"""What is taken out before anything is written."""

import pytest
from observed_objects import a_transition, an_object

from kyma_harness.evidence.failure import Findings, Incident
from kyma_harness.evidence.folder import lay_down
from kyma_harness.kube.logs import ContainerLog
from kyma_harness.kube.redaction import (
    HIDDEN,
    LAST_APPLIED,
    redacted,
    redacted_text,
    secret_values,
    without,
)
from kyma_harness.wait.steps import Step


def test_the_values_of_a_secret_are_hidden_and_its_keys_are_not():
    secret = {**an_object("Secret", "door"), "data": {"key": "b3BlbiBzZXNhbWU="}}

    shown = redacted(secret)

    assert shown["data"] == {"key": "<redacted, 16 characters>"}
    assert secret["data"] == {"key": "b3BlbiBzZXNhbWU="}


def test_what_kubectl_remembers_of_a_secret_goes_too():
    secret = an_object("Secret", annotations={LAST_APPLIED: "{data}", "note": "kept"})

    assert redacted(secret)["metadata"]["annotations"] == {"note": "kept"}


def test_managed_fields_go():
    assert "managedFields" not in redacted(an_object(managedFields=[{}]))["metadata"]


def test_environment_variables_that_sound_secret_are_hidden():
    env = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "COLOUR", "value": "red"}]
    pod = an_object("Pod", spec={"containers": [{"env": env}]})

    shown = redacted(pod)["spec"]["containers"][0]["env"]

    assert shown == [{"name": "DB_PASSWORD", "value": HIDDEN}, {"name": "COLOUR", "value": "red"}]


def test_tokens_and_passwords_in_a_log_are_hidden():
    token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2lnbmF0dXJl"
    log = f"got {token}\nAuthorization: Bearer abcdef123456\nnats://user:hunter2@host:4222 is up"

    shown = redacted_text(log)

    assert shown == f"got {HIDDEN}\nAuthorization: Bearer {HIDDEN}\nnats://{HIDDEN}@host:4222 is up"


def test_a_secret_s_value_is_known_encoded_and_in_the_clear():
    secret = {**an_object("Secret", "door"), "data": {"key": "b3BlbiBzZXNhbWU="}}

    assert secret_values([secret]) == {"b3BlbiBzZXNhbWU=", "open sesame"}


@pytest.mark.parametrize("name", ["front-door", "the-front-door-0"])
def test_what_is_short_or_in_the_name_of_something_is_no_secret(name):
    door = {**an_object("Secret", "door"), "data": {"short": "MTIz", "user": "ZnJvbnQtZG9vcg=="}}

    assert secret_values([door, an_object("Deployment", name)]) == {"ZnJvbnQtZG9vcg=="}


def test_a_secret_s_value_is_taken_out_of_whatever_holds_it():
    told = {"message": "I said open sesame", "lines": ["open sesame!"], "count": 2}

    assert without({"open sesame"}, told) == {
        "message": f"I said {HIDDEN}",
        "lines": [f"{HIDDEN}!"],
        "count": 2,
    }


def test_a_secret_that_begins_another_leaves_nothing_of_it():
    values = [f"open sesame{tail * 'x'}" for tail in range(20)]

    assert without(set(values), values[-1]) == HIDDEN


def test_whatever_is_written_of_a_failure_shows_no_secret(tmp_path):
    clear = "cannot connect to nats://app:hunter2@nats:4222: open sesame is wrong"
    findings = Findings(
        objects=[an_object("Eventing", apiVersion="example.com/v1", status={"state": clear})],
        events=[{**an_object("Event"), "message": clear}],
        logs=[ContainerLog(namespace="shop", pod="web-0", container="main", problem=clear)],
        transitions=[a_transition("Error", 3.0, detail=clear)],
        steps=[Step(name=f"wait: {clear}", started=0.0, ended=1.0, note=clear)],
        problems=[clear],
        secrets=frozenset({"open sesame"}),
    )
    incident = Incident(
        test="test_a.py::test_a", phase="call", started=0.0, phase_started=0.0, ended=4.0,
        message=clear, cause=clear, command=f"KYMA_HARNESS_X='{clear}' pytest", facts={"cluster": clear},
    )  # fmt: skip

    (logs := tmp_path / "logs" / "node").mkdir(parents=True)
    (logs / "kubelet.log").write_text(clear)

    folder = lay_down(tmp_path / "evidence", incident, findings, logs.parent)

    texts = {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}
    assert f"cannot connect to nats://{HIDDEN}@nats:4222: {HIDDEN} is wrong" in texts["timeline.txt"]
    assert texts["kubelet.log"].startswith("cannot connect to nats://")
    assert not [name for name, text in texts.items() if "hunter2" in text or "open sesame" in text]


def test_what_is_no_text_stays_as_it_is():
    transition = a_transition("Ready", 3.0)

    assert without({"open sesame"}, (transition, 2, None)) == (transition, 2, None)
