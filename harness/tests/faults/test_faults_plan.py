"""Plans choose the same faults for the same calls, whatever else is under way."""

from kyma_harness.faults.plan import CONFLICT, ApiCall, Kill, Mixed, Moment, kill_at


def a_call(name="one", *, method="GET", **query):
    return ApiCall.parse(method, f"/api/v1/namespaces/ns/pods/{name}", query)


def test_a_kill_meets_the_nth_selected_call_and_no_other():
    plan = kill_at(2, Moment.AFTER, selects=lambda call: call.is_write)

    met = [plan.meet(a_call(name, method=method)) for name in "abc" for method in ("GET", "PATCH")]

    kill = Kill(moment=Moment.AFTER)
    assert met == [None, None, None, kill, None, None]
    assert plan.met == a_call("b", method="PATCH")


def test_the_same_seed_means_the_same_faults_in_whatever_order_calls_come():
    names = [str(number) for number in range(200)]
    one, other = Mixed(seed=7), Mixed(seed=7)

    forwards = {name: one.meet(a_call(name)) for name in names}
    backwards = {name: other.meet(a_call(name)) for name in reversed(names)}

    assert forwards == backwards
    assert any(forwards.values())
    assert not all(forwards.values())


def test_another_seed_means_other_faults():
    calls = [a_call(str(number)) for number in range(200)]
    one, other = Mixed(seed=7), Mixed(seed=8)

    assert [one.meet(call) for call in calls] != [other.meet(call) for call in calls]


def test_a_repeated_call_may_meet_a_fault_and_then_none():
    plan = Mixed(seed=7, share=0.5)

    met = {bool(plan.meet(a_call())) for _ in range(50)}

    assert met == {True, False}


def test_a_read_meets_no_conflict():
    plan = Mixed(seed=7, share=1)

    reads = {plan.meet(a_call()) for _ in range(100)}
    writes = {plan.meet(a_call(method="PATCH")) for _ in range(100)}

    assert CONFLICT in writes
    assert CONFLICT not in reads


def test_a_plan_says_what_is_needed_to_repeat_it():
    assert str(Mixed(seed=42, share=0.25)) == "faults for 25% of the calls, seed 42"
