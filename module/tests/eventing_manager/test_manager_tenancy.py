"""One Eventing is served at a time: the one that was first."""

from eventing_manager.names import FINALIZER
from eventing_manager.tenancy import Tenancy
from kubeloop.resource import ObjectKey


def eventing(name, *, created="2022-12-05T12:00:00Z", claimed=False):
    return {
        "metadata": {
            "name": name,
            "namespace": "n",
            "creationTimestamp": created,
            "finalizers": [FINALIZER] if claimed else [],
        }
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


def test_nobody_is_served_where_there_is_none():
    assert Tenancy(Known()).holder() is None
