"""One Eventing is served at a time: the one that was first."""

from controller.resource import ObjectKey
from eventing_manager.names import FINALIZER
from eventing_manager.tenancy import Tenancy


def eventing(name, *, created="2022-12-05T12:00:00Z", claimed=False):
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "creationTimestamp": created,
            "finalizers": [FINALIZER] if claimed else [],
        }
    }


def test_the_oldest_is_served():
    older = eventing("older", created="2022-12-05T11:00:00Z")

    holder = Tenancy().holder([eventing("a"), older])

    assert holder == ObjectKey("n", "older")


def test_after_a_restart_the_finalizer_tells_who_was_served():
    older = eventing("older", created="2022-12-05T11:00:00Z")

    holder = Tenancy().holder([older, eventing("claimed", claimed=True)])

    assert holder == ObjectKey("n", "claimed")


def test_the_one_that_is_served_stays_served_before_its_finalizer_shows():
    tenancy = Tenancy()
    tenancy.holder([eventing("b")])

    holder = tenancy.holder([eventing("b"), eventing("a")])

    assert holder == ObjectKey("n", "b")


def test_the_next_takes_over_when_the_served_one_is_gone():
    tenancy = Tenancy()
    tenancy.holder([eventing("a"), eventing("b")])

    holder = tenancy.holder([eventing("b")])

    assert holder == ObjectKey("n", "b")


def test_nobody_is_served_where_there_is_none():
    assert Tenancy().holder([]) is None
