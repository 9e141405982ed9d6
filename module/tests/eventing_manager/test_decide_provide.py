"""What has to be there for a backend, what stands in the way of it, and what is said of it."""

import pytest
from decide_builders import NAMESPACE, NOON, claim, eventing, seen, statefulset

from eventing_manager.api.spec import NatsSettings, ReclaimPolicy, settings_to_note
from eventing_manager.api.status import Reason, State
from eventing_manager.api.tenancy import Place, Standing
from eventing_manager.decide.decide import (
    decide,
    explain,
    greeting,
    has_to_confirm,
    retry_after,
    stand_by,
)
from eventing_manager.decide.provide import AllowedMetadata, is_allowed, provide, refused
from eventing_manager.decide.steps import Apply, Delete, Keep, LetGo, LookAgain, Note, Report
from eventing_manager.decide.volumes import misfit, reclaim_policy
from eventing_manager.errors import ChartError, CredentialsError, HelmKilledError
from eventing_manager.observe.observed import Installed, Silence, Wish
from kubeloop.errors import (
    ConflictError,
    ForeignObjectError,
    InvalidError,
    KindAbsentError,
    QuantityError,
)
from kubeloop.resource import Kind, ObjectKey

ALLOWED = AllowedMetadata()
RETAIN = '{"storage": {"reclaimPolicy": "Retain"}}'
IN_MEMORY = '{"storage": {"type": "memory"}}'


def wanting(nats=None, **others):
    return eventing(nats=nats, **others)


def kinds(steps):
    return [type(step) for step in steps]


def test_nats_is_noted_before_it_is_applied():
    of = wanting({"replicas": 3}, note=None)

    note, apply = provide(seen(of, members=(), claims=()), ALLOWED)

    assert note.settings == settings_to_note(of)
    assert apply == Apply(spec=seen(of).spec)


def test_servers_keep_the_note_of_what_they_run_by_until_another_is_accepted():
    of = wanting({"resources": {"limits": {"cpu": "1"}}})

    before, _ = provide(seen(of), ALLOWED)
    after, *_ = provide(seen(of, installed=Installed(statefulset=statefulset(), is_complete=True)), ALLOWED)

    assert (before.settings, after.settings) == (None, settings_to_note(of))


@pytest.mark.parametrize(
    ("installed", "state", "reason", "looks_again"),
    [
        (Installed(statefulset=statefulset(), is_complete=True), State.READY, Reason.AVAILABLE, False),
        (Installed(statefulset=statefulset(), is_complete=False), State.READY, Reason.AVAILABLE, True),
        (
            Installed(statefulset=statefulset(), is_complete=True, silence=Silence(why="no leader")),
            State.PROCESSING,
            Reason.JETSTREAM_SILENT,
            True,
        ),
        (
            Installed(statefulset=statefulset(ready=False), is_complete=True),
            State.PROCESSING,
            Reason.NOT_READY,
            False,
        ),
        (Installed(statefulset=None, is_complete=True), State.PROCESSING, Reason.NOT_READY, False),
    ],
)
def test_what_is_said_of_nats_once_it_is_applied(installed, state, reason, looks_again):
    _, report, *again = provide(seen(wanting(), installed=installed), ALLOWED)

    assert (report.report.state, report.report.conditions[0].reason) == (state, reason)
    assert bool(again) is looks_again


@pytest.mark.parametrize(
    ("nats", "note", "members", "claims", "part"),
    [
        ({"replicas": 3}, "{}", (statefulset(),), (), "is there with replicas 1"),
        ({"storage": {"size": "2Gi"}}, "{}", (statefulset(),), (), "is there with storage.size 1Gi"),
        ({"storage": {"size": "1024Mi"}}, "{}", (statefulset(),), (), None),
        ({"storage": {"type": "memory"}}, "{}", (statefulset(),), (), "with storage.type file"),
        ({}, IN_MEMORY, (statefulset(size=""),), (), "with storage.type memory"),
        ({"storage": {"type": "memory"}}, IN_MEMORY, (statefulset(size=""),), (), None),
        (
            {"storage": {"type": "memory"}, "replicas": 3},
            IN_MEMORY,
            (statefulset(size=""),),
            (),
            "with replicas 1",
        ),
        # Its number may have been edited by hand: what counts is what it was made for.
        ({}, "{}", (statefulset(replicas=1),), (claim(servers=3),), None),
        ({}, None, (), (claim(servers=3), claim(1, servers=3)), "data-eventing-nats-1: left by a NATS"),
        ({}, None, (), (claim(servers=3, deleting=True),), None),
        ({"storage": {"size": "2Gi"}}, None, (), (claim(),), "has no room for 2Gi"),
        ({"storage": {"size": "512Mi"}}, None, (), (claim(),), None),
        ({"storage": {"type": "memory"}}, None, (), (claim(servers=3),), None),
        ({}, None, (statefulset(deleting=True),), (claim(),), None),
    ],
)
def test_what_does_not_fit_is_told_with_the_way_out(nats, note, members, claims, part):
    said = misfit(seen(wanting(nats, note=note), members=members, claims=claims))

    assert (said is None) is (part is None)
    assert part is None or part in said


def test_a_nats_that_is_there_works_on_while_another_is_refused():
    note, keep, report = provide(seen(wanting({"storage": {"size": "2Gi"}})), ALLOWED)

    assert (note, keep.spec.nats.storage.size, keep.draining) == (Note(), "1Gi", False)
    assert (report.report.state, report.report.conditions[0].reason) == (State.WARNING, Reason.VOLUMES_UNFIT)


@pytest.mark.parametrize(
    ("note", "nats", "policy"),
    [
        (None, {"storage": {"reclaimPolicy": "Delete"}}, ReclaimPolicy.RETAIN),
        ("{}", None, ReclaimPolicy.DELETE),
        (RETAIN, None, ReclaimPolicy.RETAIN),
        (RETAIN, {}, ReclaimPolicy.DELETE),
        ("{}", {"storage": {"reclaimPolicy": "Retain"}}, ReclaimPolicy.RETAIN),
        (IN_MEMORY, None, ReclaimPolicy.RETAIN),
        ("no json", None, ReclaimPolicy.RETAIN),
    ],
)
def test_what_becomes_of_the_volumes(note, nats, policy):
    assert reclaim_policy(seen(eventing(backend="eventmesh", note=note, nats=nats))) is policy


@pytest.mark.parametrize(
    ("nats", "part"),
    [
        ({}, None),
        ({"storage": {"size": "1Mi"}}, None),
        ({"storage": {"size": "100Ti"}}, None),
        ({"storage": {"size": "1e20"}}, "beyond what 64 bits count"),
        ({"storage": {"size": "1e999999"}}, "beyond what 64 bits count"),
        ({"storage": {"size": "9" * 300}}, "is not a quantity"),
        ({"storage": {"size": "0"}}, "between 1Mi and 100Ti"),
        ({"storage": {"size": "-1Gi"}}, "between 1Mi and 100Ti"),
        ({"storage": {"size": "0.5"}}, "between 1Mi and 100Ti"),
        ({"storage": {"size": "1Gi\n"}}, "is not a quantity"),
        ({"storage": {"size": "٣Gi"}}, "is not a quantity"),
        ({"labels": {"app": "shop"}}, "labels: app may not be put on the pods"),
        ({"annotations": {"vault.example.com/inject": "true"}}, "--pod-annotations allows others"),
        ({"annotations": {"note": "free"}}, None),
    ],
)
def test_settings_that_an_old_definition_may_have_let_in_are_refused(nats, part):
    said = refused(NatsSettings.parse(nats), ALLOWED)

    assert (said is None) is (part is None)
    assert part is None or part in said


@pytest.mark.parametrize(
    ("key", "entries", "allowed"),
    [
        ("team", ["team"], True),
        ("teams", ["team"], False),
        ("a.io/b", ["a.io/"], True),
        ("x.a.io/b", ["a.io/"], True),
        ("xa.io/b", ["a.io/"], False),
        ("a.io.evil/b", ["a.io/"], False),
        ("a.io", ["a.io/"], False),
        ("app.kubernetes.io/name", ["app.kubernetes.io/", "kubernetes.io/"], False),
        ("applyset.kubernetes.io/part-of", ["applyset.kubernetes.io/part-of"], False),
    ],
)
def test_a_key_is_allowed_by_itself_or_by_its_domain(key, entries, allowed):
    assert is_allowed(key, entries) is allowed


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (seen(eventing(backend="eventmesh"), members=(), claims=()), True),
        (seen(eventing(), wish=Wish.NOTHING, members=(), claims=()), True),
        (seen(wanting(note=None), members=(), claims=()), True),
        (seen(wanting()), False),
        (seen(eventing(backend="eventmesh"), members=(), claims=(), is_confirmed=True), False),
        (seen(eventing(backend="eventmesh"), holdings=Silence(why="no")), False),
    ],
)
def test_what_cannot_be_undone_is_confirmed_by_the_api_server(picture, expected):
    assert has_to_confirm(decide(picture, ALLOWED), picture) is expected


def test_a_deletion_is_confirmed():
    picture = seen(eventing(backend="eventmesh", nats={"onUndelivered": "Discard"}))
    steps = decide(picture, ALLOWED)

    assert Delete in kinds(steps)
    assert has_to_confirm(steps, picture)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (eventing(observedGeneration=1), None),
        (eventing(), Reason.STARTING),
        (eventing(backend="eventmesh", drained=("Forced", True)), Reason.STARTING),
    ],
)
def test_a_generation_is_greeted_once(of, reason):
    report = greeting(of, seen(of).spec)

    assert (report is None) is (reason is None)
    assert report is None or report.conditions[0].reason == reason


KEY = ObjectKey("n", "other")


@pytest.mark.parametrize(
    ("standing", "reason", "state"),
    [
        (Standing(place=Place.BEHIND, served=KEY), Reason.ANOTHER_IS_SERVED, State.WARNING),
        (Standing(place=Place.OUTSIDE), Reason.NAMESPACE_NOT_SERVED, State.WARNING),
        (Standing(place=Place.NEXT, seconds=3.0), Reason.HANDED_OVER, State.PROCESSING),
        (Standing(place=Place.LEAVING), Reason.MODULE_LEAVES, State.WARNING),
    ],
)
def test_an_eventing_that_is_not_served_is_told_why(standing, reason, state):
    report, *again = stand_by(eventing(), standing, ["kcp-system"], has_members=False)

    assert (report.report.conditions[0].reason, report.report.state) == (reason, state)
    assert again == ([LookAgain(seconds=3.0)] if standing.place is Place.NEXT else [])


@pytest.mark.parametrize(("has_members", "expected"), [(False, [LetGo]), (True, [])])
def test_one_that_is_deleted_meanwhile_goes_unless_something_is_left_of_it(has_members, expected):
    of = eventing()
    of["metadata"]["deletionTimestamp"] = "2022-12-24T12:00:00Z"

    steps = stand_by(of, Standing(place=Place.BEHIND, served=KEY), [], has_members=has_members)

    assert kinds(steps) == expected


def refusal(kind):
    return kind(409, "Some", "words", method="PATCH", path="/x")


@pytest.mark.parametrize(
    ("error", "state", "reason", "said"),
    [
        (ForeignObjectError("ConfigMap n/a", "helm"), "Warning", "ForeignObject", "belongs to helm"),
        (CredentialsError("Secret n/a: no"), "Warning", "CredentialsUnfit", "Secret n/a: no"),
        (refusal(InvalidError), "Error", "ApiRefused", "words"),
        (ChartError("broken"), "Error", "ChartBroken", "broken"),
        (QuantityError("1e9999 is beyond"), "Error", "Internal", "is beyond"),
        (ValueError("password 42"), "Error", "Internal", "failed with ValueError"),
        (RecursionError(), "Error", "Internal", "failed with RecursionError"),
    ],
)
def test_an_error_is_reported_by_its_kind(error, state, reason, said):
    report = explain(eventing(drained=("Forced", True)), error)
    ready, drained = report.conditions

    assert (report.state, ready.reason, drained.holds) == (state, reason, True)
    assert said in ready.message
    assert "42" not in ready.message


@pytest.mark.parametrize(
    "error", [refusal(ConflictError), HelmKilledError("killed"), KindAbsentError(Kind.parse("a/v1", "B"))]
)
@pytest.mark.parametrize(("state", "is_told"), [("Processing", True), ("Ready", False)])
def test_what_goes_by_itself_is_told_of_a_change_that_is_under_way(error, state, is_told):
    ready = {
        "type": "Ready", "status": "False", "reason": "NotReady", "message": "0 of 1",
        "lastTransitionTime": "2022-12-24T12:00:00Z",
    }  # fmt: skip
    of = eventing(state=state)
    of["status"]["conditions"] = [ready]

    report = explain(of, error)

    assert (report is not None) is is_told
    assert report is None or "trying again" in report.conditions[0].message


def test_an_error_of_an_eventing_that_is_deleted_leaves_it_deleting():
    of = eventing()
    of["metadata"]["deletionTimestamp"] = "2022-12-24T12:00:00Z"

    assert explain(of, ValueError()).state is State.DELETING


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(ForeignObjectError("a", "b"), 0.5), (CredentialsError("a"), 0.5), (ChartError("a"), None)],
)
def test_what_only_a_person_can_mend_is_looked_at_again(error, seconds):
    assert retry_after(eventing(), error, NOON) == seconds


def test_kept_servers_are_those_of_the_note():
    report_of_refusal = provide(seen(wanting({"labels": {"app": "shop"}})), ALLOWED)

    assert kinds(report_of_refusal) == [Note, Keep, Report]
    assert NAMESPACE == "kyma-system"
