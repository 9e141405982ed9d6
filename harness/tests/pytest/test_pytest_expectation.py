"""A predicate that looks for what is not there yet is waited for, in a cluster that is a dictionary."""

import threading

import pytest
from stored import StoredCluster, an_object

from kubeloop.errors import NotFoundError, UnreachableError
from kubeloop.kinds import CONFIG_MAP
from kyma_harness.host.blocking import Portal
from kyma_harness.pytest.handles.api import Api
from kyma_harness.wait.eventually import EventuallyError, eventually
from kyma_harness.wait.waits import WaitError


@pytest.fixture
def cluster():
    return StoredCluster(an_object("ConfigMap", "lamp", "shop"))


@pytest.fixture
def api(cluster):
    with Portal() as portal:
        yield Api(portal, cluster)


def asserted(claim):
    assert claim
    return True


PREDICATES = {
    "a field of a field": lambda seen: seen["status"]["lit"],
    "the first of none": lambda seen: next(one for one in seen.get("conditions", []) if one["lit"]),
    "the last of none": lambda seen: seen.get("conditions", [])[-1]["lit"],
    "a field of nothing": lambda seen: seen.get("status")["lit"],
    "a method of nothing": lambda seen: seen.get("status").get("lit"),
    "a claim of its own": lambda seen: asserted("status" in seen),
}


@pytest.mark.parametrize("predicate", PREDICATES.values(), ids=PREDICATES)
def test_what_a_predicate_looks_for_in_vain_is_waited_for(api, cluster, predicate):
    looked = threading.Event()

    def watched(seen):
        looked.set()
        return predicate(seen)

    def light():
        looked.wait()
        lit = {"status": {"lit": "yes"}, "conditions": [{"lit": "yes"}]}
        api.patch(CONFIG_MAP, "lamp", "shop", lit)

    lighting = threading.Thread(target=light)
    lighting.start()
    seen = api.expect(CONFIG_MAP, "lamp", "shop").to_satisfy(watched, "be lit", within=30)
    lighting.join()

    assert seen["status"] == {"lit": "yes"}


def test_what_never_comes_is_said_with_what_was_looked_for(api):
    expectation = api.expect(CONFIG_MAP, "lamp", "shop")

    with pytest.raises(WaitError, match=r"it does not be lit yet \(KeyError: 'status'\)"):
        expectation.to_satisfy(lambda seen: seen["status"]["lit"], "be lit", within=0.1)


def test_a_predicate_that_is_wrong_itself_ends_the_wait(api):
    expectation = api.expect(CONFIG_MAP, "lamp", "shop")

    with pytest.raises(NameError, match="no_such_name"):
        expectation.to_satisfy(lambda _: no_such_name, "be lit", within=30)  # noqa: F821


@pytest.mark.parametrize(
    "error",
    [
        KeyError("status"),
        StopIteration(),
        IndexError("list index out of range"),
        TypeError("'NoneType' object is not subscriptable"),
        AttributeError("'NoneType' object has no attribute 'get'"),
        NotFoundError(404, "NotFound", "no such lamp", method="GET", path="/"),
        UnreachableError("https://stored", "it restarts"),
        ConnectionRefusedError(),
        AssertionError("not yet"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_cannot_be_had_yet_is_asked_for_again(error):
    answers = iter([error, error, "lit"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert eventually(ask, "the light", within=30) == "lit"


def test_an_error_of_another_sort_ends_it_at_once():
    def ask():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        eventually(ask, "the light", within=30)


def test_what_was_seen_last_is_said():
    with pytest.raises(EventuallyError, match=r"the light did not come within 0\.1 s: KeyError: 'status'"):
        eventually(lambda: {}["status"], "the light", within=0.1)
