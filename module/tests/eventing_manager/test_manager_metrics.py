"""What the manager counts, and what it shows of Eventings."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from eventing_manager.metrics import EventingMetrics, ManagerMetrics
from kubeloop.metrics import exposition

LATER = datetime(2022, 12, 5, 12, 1, 30, tzinfo=UTC)
SWITCHES = "eventing_manager_switch_duration_seconds"


def eventing(*, wanted="nats", state="Ready", active="nats", **conditions):
    """An Eventing whose conditions have had their status since noon."""
    return {
        "metadata": {"name": "e", "namespace": "n", "uid": "u"},
        "spec": {"backend": {"type": wanted}},
        "status": {
            "state": state,
            "activeBackend": active,
            "conditions": [
                {"type": type_, "status": status, "lastTransitionTime": "2022-12-05T12:00:00Z"}
                for type_, status in conditions.items()
            ],
        },
    }


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def clock():
    """The time, to be moved on by a test; noon at first."""
    return Clock()


class Clock:
    def __init__(self):
        self.now = datetime(2022, 12, 5, 12, tzinfo=UTC)

    def pass_by(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def metrics(registry, clock):
    return ManagerMetrics(registry, clock=lambda: clock.now)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/namespaces/kyma-system/configmaps/eventing-nats", "configmaps"),
        ("/api/v1/namespaces", "namespaces"),
        ("/api/v1/namespaces/a", "namespaces"),
        ("/apis/apps/v1/namespaces/kyma-system/statefulsets/eventing-nats", "statefulsets"),
        ("/apis/operator.kyma-project.io/v1alpha1/namespaces/n/eventings/e/status", "eventings/status"),
    ],
)
def test_writes_are_counted_by_verb_and_resource(registry, metrics, path, resource):
    metrics.wrote("PATCH", path)

    line = f'eventing_manager_writes_total{{resource="{resource}",verb="patch"}} 1.0'
    assert line in exposition(registry).text


def going(**status):
    """An Eventing on its way to eventmesh, which had not been ready for long before that."""
    return eventing(wanted="eventmesh", **{"state": "Processing", "Ready": "False", **status})


def test_a_switch_takes_from_when_it_was_seen_until_it_is_ready(registry, metrics, clock):
    metrics.reported(eventing(state="Warning", Ready="False"), going())
    clock.pass_by(60)
    metrics.reported(going(), going(state="Warning", active="eventmesh"))
    while_it_cannot_be_used = exposition(registry).text
    clock.pass_by(30)
    metrics.reported(
        going(state="Warning", active="eventmesh"), going(state="Ready", active="eventmesh", Ready="True")
    )

    assert f"{SWITCHES}_count" not in while_it_cannot_be_used
    assert f'{SWITCHES}_sum{{from="nats",to="eventmesh"}} 90.0' in exposition(registry).text
    assert f'{SWITCHES}_count{{from="nats",to="eventmesh"}} 1.0' in exposition(registry).text


def test_a_switch_that_is_taken_back_is_none(registry, metrics):
    metrics.reported(eventing(), going())
    metrics.reported(going(), eventing(state="Processing"))
    metrics.reported(eventing(state="Processing"), eventing())

    assert f"{SWITCHES}_sum" not in exposition(registry).text


def test_a_switch_is_not_over_with_the_last_word_on_the_old_backend(registry, metrics):
    # The answer to a write has what a user wrote in between.
    metrics.reported(eventing(state="Processing"), going(state="Ready"))

    assert f"{SWITCHES}_sum" not in exposition(registry).text


def test_a_first_backend_is_no_switch(registry, metrics):
    metrics.reported(eventing(active="", Ready="False"), eventing(Ready="True"))

    assert f"{SWITCHES}_sum" not in exposition(registry).text


def test_the_state_and_how_long_a_removal_is_held_back_are_shown_as_they_are_now(registry):
    found = []
    registry.register(EventingMetrics(lambda: found, clock=lambda: LATER))
    found.append(eventing(state="Warning", Drained="False"))

    lines = exposition(registry).text.splitlines()

    assert 'eventing_state{name="e",namespace="n",state="Warning"} 1.0' in lines
    assert 'eventing_blocked_deletion_seconds{name="e",namespace="n"} 90.0' in lines


def test_what_nothing_holds_back_is_not_listed(registry):
    registry.register(EventingMetrics(lambda: [eventing(Drained="True")], clock=lambda: LATER))

    lines = exposition(registry).text.splitlines()

    assert not [line for line in lines if line.startswith("eventing_blocked_deletion_seconds{")]
