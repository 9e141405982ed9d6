"""The Eventings a pass reads are as fresh as what the manager wrote itself."""

from datetime import UTC, datetime

from eventing_manager.act.eventings import Eventings
from eventing_manager.api.names import FINALIZER
from kubeloop.resource import ObjectKey

KEY = ObjectKey("n", "e")
NOON = datetime(2022, 12, 5, 12, tzinfo=UTC)


def eventing(version, *finalizers):
    metadata = {"name": "e", "namespace": "n", "uid": "u", "resourceVersion": version}
    return {"metadata": {**metadata, "finalizers": list(finalizers)}}


class Copies:
    """A watch that is late: it shows what it is told to."""

    def __init__(self, seen):
        self.seen = seen

    def get(self, _key):
        return self.seen


class Server:
    """An API server that answers every patch with the same object."""

    def __init__(self, current, answer):
        self._current = current
        self._answer = answer

    async def get(self, *_):
        return self._current

    async def merge_patch(self, *_, **__):
        return self._answer


def eventings(copies, *, answer):
    server = Server(copies.seen, answer)
    return Eventings(server, copies, events=None, clock=lambda: NOON)


async def test_what_was_written_is_read_before_the_watch_tells_of_it():
    copies = Copies(eventing("1"))
    found = eventings(copies, answer=eventing("2", FINALIZER))

    await found.claim(copies.seen)

    assert found.get(KEY)["metadata"]["finalizers"] == [FINALIZER]


async def test_what_the_watch_tells_later_is_read_instead():
    copies = Copies(eventing("1"))
    found = eventings(copies, answer=eventing("2", FINALIZER))
    await found.claim(copies.seen)

    copies.seen = eventing("3", FINALIZER, "another")

    assert found.get(KEY) is copies.seen


async def test_one_that_was_let_go_is_not_taken_for_claimed_again():
    # Whoever takes the last finalizer off a deletion gets the version of before: nothing is stored any more.
    copies = Copies(eventing("7", FINALIZER))
    found = eventings(copies, answer=eventing("7"))

    await found.let_go(copies.seen)

    assert found.get(KEY)["metadata"]["finalizers"] == []


async def test_a_cluster_that_was_set_back_is_believed():
    copies = Copies(eventing("7"))
    found = eventings(copies, answer=eventing("8", FINALIZER))
    await found.claim(copies.seen)

    copies.seen = eventing("3")
    found.forget(KEY)

    assert found.get(KEY) is copies.seen


async def test_one_that_is_gone_is_gone():
    copies = Copies(eventing("7", FINALIZER))
    found = eventings(copies, answer=eventing("7"))
    await found.let_go(copies.seen)

    copies.seen = None

    assert found.get(KEY) is None
