"""Wait for what no watch tells of, such as an answer from NATS, by asking again and again."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay
from tenacity import wait_exponential as longer_each_time

from kubeloop.errors import ControllerError
from kyma_harness.wait.live_wait import Line, NoLine

T = TypeVar("T")

_MISSING = (LookupError, TypeError, AttributeError, StopIteration)
NOT_YET = (OSError, ControllerError, AssertionError, *_MISSING)
"""What an answer may be until it is there: no connection, no object, a claim that fails, no such field."""


class EventuallyError(AssertionError):
    """Report what did not come true in time, with what was seen last."""


def eventually(
    ask: Callable[[], T],
    what: str,
    *,
    within: float = 30,
    tolerate: type[Exception] | tuple[type[Exception], ...] = NOT_YET,
    line: Line | None = None,
) -> T:
    """Call until the answer is true, and return that answer; ``what`` says what is waited for.

    Errors of the tolerated types count as "not yet", any other ends the wait at once. Raises
    :class:`EventuallyError` after so many seconds; its first line ends with what was seen last.
    """
    shown = line or NoLine()

    def tell(state: RetryCallState) -> None:
        shown.say(f"{what}: {_seen(state)}, {state.seconds_since_start or 0:.0f} s of {within:g}")

    def give_up(state: RetryCallState) -> T:
        cause = state.outcome.exception() if state.outcome else None
        raise EventuallyError(f"{what} did not come within {within:g} s: {_seen(state)}") from cause

    retrying = Retrying(
        stop=stop_after_delay(within),
        wait=longer_each_time(0.05, max=1),
        retry=retry_if_exception_type(tolerate) | retry_if_result(lambda answer: not answer),
        before_sleep=tell,
        retry_error_callback=give_up,
    )
    try:
        answer: T = retrying(ask)
    finally:
        shown.clear()
    return answer


def _seen(state: RetryCallState) -> str:
    if state.outcome is None:
        return "nothing was seen"
    if error := state.outcome.exception():
        words = str(error).strip().splitlines()
        return f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
    return f"it answered {state.outcome.result()!r}"
