from kyma_harness.node.containers.backoff import RestartBackoff


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
