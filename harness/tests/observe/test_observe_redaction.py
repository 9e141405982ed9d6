"""What is taken out before anything is written."""

from observe_objects import an_object

from harness.observe.redaction import (
    HIDDEN,
    LAST_APPLIED,
    redacted,
    redacted_text,
    secret_values,
    without,
)


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


def test_what_is_short_or_a_name_of_something_is_no_secret():
    door = {**an_object("Secret", "door"), "data": {"short": "MTIz", "user": "ZnJvbnQtZG9vcg=="}}

    assert secret_values([door, an_object("Deployment", "front-door")]) == {"ZnJvbnQtZG9vcg=="}


def test_a_secret_s_value_is_taken_out_of_whatever_holds_it():
    told = {"message": "I said open sesame", "lines": ["open sesame!"], "count": 2}

    assert without({"open sesame"}, told) == {
        "message": f"I said {HIDDEN}",
        "lines": [f"{HIDDEN}!"],
        "count": 2,
    }
