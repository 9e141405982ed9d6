"""Look again at what is on its way, ever more rarely."""

from kubeloop.controller import Result
from kubeloop.queue import Backoff
from kubeloop.resource import ObjectKey


class Patience:
    """Do as controller-runtime for ``Requeue: true``: a pass that went well comes again by backoff."""

    def __init__(self, *, base: float, maximum: float) -> None:
        self._backoff = Backoff(base=base, maximum=maximum, jitter=0)
        self._passes: dict[ObjectKey, int] = {}

    def again(self, key: ObjectKey) -> Result:
        """Ask for another pass, later than the last time."""
        self._passes[key] = self._passes.get(key, 0) + 1
        return Result(requeue_after=self._backoff.delay(self._passes[key]))

    def settled(self, key: ObjectKey, *, look_again: float | None = None) -> Result:
        """Start over with an object that is as it should be, or gone."""
        self._passes.pop(key, None)
        return Result(requeue_after=look_again)
