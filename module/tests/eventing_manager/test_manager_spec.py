"""What an Eventing asks for, and what the chart is told."""

from eventing_manager.act.chart import chart_values
from eventing_manager.api.spec import (
    BackendType,
    EventingSpec,
    OnUndelivered,
    ReclaimPolicy,
    StorageType,
)


def eventing(backend, **spec):
    return {"spec": {"backend": backend, **spec}}


def test_a_bare_nats_backend_gets_the_defaults_of_the_contract():
    spec = EventingSpec.parse(eventing({"type": "nats"}))

    assert spec.backend is BackendType.NATS
    assert spec.log_level == "info"
    assert not spec.nats_given
    assert spec.nats.replicas == 1
    assert spec.nats.on_undelivered is OnUndelivered.WAIT
    assert spec.nats.storage.type is StorageType.FILE
    assert spec.nats.storage.size == "1Gi"
    assert spec.nats.storage.reclaim_policy is ReclaimPolicy.DELETE


def test_every_setting_of_nats_is_read():
    nats = {
        "replicas": 3,
        "storage": {"type": "memory", "size": "512Mi", "reclaimPolicy": "Retain"},
        "onUndelivered": "Discard",
        "resources": {"limits": {"cpu": 1}},
        "labels": {"team": "a"},
        "annotations": {"note": "b"},
    }

    spec = EventingSpec.parse(eventing({"type": "eventmesh", "nats": nats}, logLevel="debug"))

    assert spec.backend is BackendType.EVENTMESH
    assert spec.log_level == "debug"
    assert spec.nats_given
    assert spec.nats.replicas == 3
    assert spec.nats.on_undelivered is OnUndelivered.DISCARD
    assert spec.nats.storage.type is StorageType.MEMORY
    assert spec.nats.storage.reclaim_policy is ReclaimPolicy.RETAIN
    assert spec.nats.resources == {"limits": {"cpu": 1}}
    assert (spec.nats.labels, spec.nats.annotations) == ({"team": "a"}, {"note": "b"})


def test_nats_is_enabled_exactly_when_it_is_the_backend():
    nats = chart_values(EventingSpec(backend=BackendType.NATS))
    eventmesh = chart_values(EventingSpec(backend=BackendType.EVENTMESH))

    assert nats["nats"]["enabled"] is True
    assert eventmesh == {"nats": {"enabled": False}}


def test_the_chart_learns_the_size_as_a_quantity_and_in_bytes():
    spec = EventingSpec.parse(eventing({"type": "nats", "nats": {"storage": {"size": "1.5Gi"}}}))

    storage = chart_values(spec)["nats"]["storage"]

    assert storage == {"type": "file", "size": "1.5Gi", "bytes": 1610612736}
