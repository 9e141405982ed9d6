"""What the manager counts, and what it shows of Eventings."""

from datetime import UTC, datetime

import pytest

from controller.metrics import Registry
from eventing_manager.metrics import EventingMetrics, ManagerMetrics

LATER = datetime(2022, 12, 5, 12, 1, 30, tzinfo=UTC)


def eventing(*, state="Ready", active="nats", **conditions):
    """An Eventing whose conditions have had their status since noon."""
    return {
        "metadata": {"name": "e", "namespace": "n"},
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
    return Registry()


@pytest.fixture
def metrics(registry):
    return ManagerMetrics(registry, clock=lambda: LATER)


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

    line = f'eventing_manager_writes_total{{verb="patch",resource="{resource}"}} 1'
    assert line in registry.exposition()


def test_a_switch_takes_as_long_as_the_eventing_was_not_ready(registry, metrics):
    metrics.reported(eventing(state="Processing", Ready="False"), eventing(active="eventmesh", Ready="True"))

    labels = '{from="nats",to="eventmesh"}'
    assert f"eventing_manager_switch_duration_seconds_sum{labels} 90" in registry.exposition()


def test_a_first_backend_is_no_switch(registry, metrics):
    metrics.reported(eventing(active="", Ready="False"), eventing(Ready="True"))

    assert "eventing_manager_switch_duration_seconds_sum" not in registry.exposition()


def test_the_state_and_how_long_a_removal_is_held_back_are_shown_as_they_are_now():
    found = [eventing(state="Warning", Drained="False")]

    lines = list(EventingMetrics(lambda: found, clock=lambda: LATER).lines())

    assert 'eventing_state{namespace="n",name="e",state="Warning"} 1' in lines
    assert 'eventing_blocked_deletion_seconds{namespace="n",name="e"} 90' in lines


def test_what_nothing_holds_back_is_not_listed():
    lines = list(EventingMetrics(lambda: [eventing(Drained="True")], clock=lambda: LATER).lines())

    assert not [line for line in lines if line.startswith("eventing_blocked_deletion_seconds{")]
