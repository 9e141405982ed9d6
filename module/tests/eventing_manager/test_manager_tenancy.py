"""One Eventing is served at a time: the one that was first."""

import pytest

from eventing_manager.api.names import FINALIZER
from eventing_manager.api.tenancy import Place, Tenancy
from kubeloop.resource import ObjectKey

SERVED = {"type": "Ready", "status": "True", "reason": "Available", "message": "it works"}


def eventing(name, *, created="2022-12-05T12:00:00Z", claimed=False):
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "creationTimestamp": created,
            "finalizers": [FINALIZER] if claimed else [],
        },
        "status": {"conditions": [SERVED] if claimed else []},
    }


class Known:
    """The Eventings there are, for a test to change."""

    def __init__(self, *eventings):
        self.there_are(*eventings)

    def there_are(self, *eventings):
        self._by_key = {ObjectKey.of(one): one for one in eventings}

    def get(self, key):
        return self._by_key.get(key)

    def all(self):
        return list(self._by_key.values())


def test_the_oldest_is_served():
    older = eventing("older", created="2022-12-05T11:00:00Z")

    holder = Tenancy(Known(eventing("a"), older)).holder()

    assert holder == ObjectKey("n", "older")


def test_after_a_restart_the_finalizer_tells_who_was_served():
    older = eventing("older", created="2022-12-05T11:00:00Z")

    holder = Tenancy(Known(older, eventing("claimed", claimed=True))).holder()

    assert holder == ObjectKey("n", "claimed")


def test_the_one_that_is_served_stays_served_before_its_finalizer_shows():
    known = Known(eventing("b"))
    tenancy = Tenancy(known)
    tenancy.holder()

    known.there_are(eventing("b"), eventing("a"))
    holder = tenancy.holder()

    assert holder == ObjectKey("n", "b")


def test_the_next_takes_over_when_the_served_one_is_gone():
    known = Known(eventing("a"), eventing("b"))
    tenancy = Tenancy(known)
    tenancy.holder()

    known.there_are(eventing("b"))
    holder = tenancy.holder()

    assert holder == ObjectKey("n", "b")


def test_one_who_did_not_serve_learns_by_the_finalizer_who_was_served_meanwhile():
    known = Known(eventing("a", claimed=True), eventing("b"))
    tenancy = Tenancy(known)
    tenancy.holder()

    known.there_are(eventing("a", created="2022-12-06T12:00:00Z"), eventing("b", claimed=True))
    holder = tenancy.holder()

    assert holder == ObjectKey("n", "b")


def test_a_finalizer_without_a_word_of_the_manager_counts_for_nothing():
    written = eventing("a", created="2022-12-06T12:00:00Z", claimed=True)
    written["status"] = {}

    assert Tenancy(Known(eventing("b"), written)).holder() == ObjectKey("n", "b")


@pytest.mark.parametrize(
    ("namespaces", "leaves", "seconds", "place"),
    [
        ((), False, 10.0, Place.SERVED),
        ((), False, 4.0, Place.NEXT),
        ((), True, 10.0, Place.LEAVING),
        (("other",), False, 10.0, Place.OUTSIDE),
        (("n", "other"), False, 10.0, Place.SERVED),
    ],
)
def test_where_the_next_one_stands_when_the_served_one_is_gone(namespaces, leaves, seconds, place):
    known, now = Known(eventing("a"), eventing("b")), [0.0]
    tenancy = Tenancy(
        known, namespaces=namespaces, delay=10.0, clock=lambda: now[0], leaves=lambda: leaves and now[0] > 0
    )
    tenancy.holder()

    known.there_are(eventing("b"))
    tenancy.holder()
    now[0] = seconds

    assert tenancy.standing(ObjectKey("n", "b")).place is place


def test_the_first_of_all_waits_for_nobody():
    assert Tenancy(Known(eventing("a")), delay=10.0).standing(ObjectKey("n", "a")).place is Place.SERVED


def test_one_that_was_served_stays_so_when_its_namespace_no_longer_is():
    tenancy = Tenancy(Known(eventing("a", claimed=True)), namespaces=["other"])

    assert tenancy.holder() == ObjectKey("n", "a")


def test_nobody_is_served_where_there_is_none():
    assert Tenancy(Known()).holder() is None
