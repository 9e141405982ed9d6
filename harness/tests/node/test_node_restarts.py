import pytest

from kyma_harness.node.containers.restarts import RestartBackoff, RestartPolicy


def a_backoff():
    return RestartBackoff(first=10, longest=300, forgiven_after=600)


def test_the_first_restart_is_immediate_and_the_next_wait_twice_as_long_each():
    backoff = a_backoff()

    assert [backoff.delay(ran_for=1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_long_run_is_forgiven():
    backoff = a_backoff()
    for _ in range(5):
        backoff.delay(ran_for=1)

    assert [backoff.delay(ran_for=600), backoff.delay(ran_for=1)] == [0, 10]


def test_a_changed_container_starts_over():
    backoff = a_backoff()
    for _ in range(5):
        backoff.delay(ran_for=1)

    backoff.reset()

    assert backoff.delay(ran_for=1) == 0


OTHER_RULES = ({"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [1]}},)
RULES = ({"action": "Restart", "exitCodes": {"operator": "In", "values": [42, 43]}},)


def a_policy(pod="Always", *, is_init=False, **container):
    return RestartPolicy.of(container, {"spec": {"restartPolicy": pod}}, is_init=is_init)


@pytest.mark.parametrize(
    ("policy", "restarting"),
    [
        (a_policy("Always"), {0, 1, 42}),
        (a_policy("OnFailure"), {1, 42}),
        (a_policy("Never"), set()),
        (a_policy("Always", restartPolicy="Never"), set()),
        (a_policy("Never", restartPolicy="OnFailure"), {1, 42}),
        # Rules count only beside a policy of the container's own.
        (a_policy("Never", restartPolicyRules=RULES), set()),
        (a_policy("Never", restartPolicy="Never", restartPolicyRules=RULES), {42}),
        (a_policy("Never", restartPolicy="Never", restartPolicyRules=OTHER_RULES), {0, 42}),
        (a_policy("Always", is_init=True), {1, 42}),
        (a_policy("Never", is_init=True), set()),
        (a_policy("Never", is_init=True, restartPolicy="Always"), {0, 1, 42}),
    ],
)  # fmt: skip
def test_a_policy_tells_which_exit_codes_lead_to_another_start(policy, restarting):
    assert {code for code in (0, 1, 42) if policy.restarts_after(code)} == restarting


@pytest.mark.parametrize(("policy", "restarts"), [("Always", True), ("OnFailure", True), ("Never", False)])
def test_who_is_condemned_by_a_probe_is_started_again_also_if_it_ended_well(policy, restarts):
    assert a_policy(policy).restarts_after(0, condemned=True) is restarts
